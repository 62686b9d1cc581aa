// Package temporalclient makes clients of the Temporal server that the TEMPORAL_* variables of Temporal's own tools name, with TLS
// when they ask for it.
//
// Whatever a client hands over is encrypted before it leaves the process: inputs, results, heartbeats, memos, summaries,
// details, and the messages and stacks of failures. Temporal needs none of it to do its work. What it does need stays in clear,
// and therefore holds no personal data: ids, names of types, search attributes.
package temporalclient

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"orderly/internal/keyset"
)

// ErrNoKeys is returned where there is no key to encrypt with.
var ErrNoKeys = errors.New("ORDERLY_TEMPORAL_KEYS is not set: what Temporal keeps is encrypted with it; `orderly keys temporal NAME` makes one")

// Options are what the environment says, with encryption. Errors: [ErrNoKeys].
func Options(keys keyset.Set) (client.Options, error) {
	if keys.Empty() {
		return client.Options{}, ErrNoKeys
	}
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return client.Options{}, fmt.Errorf("read the TEMPORAL_* variables: %w", err)
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return Encrypt(options, keys), nil
}

// Encrypt makes a client encrypt. There must be a key.
func Encrypt(options client.Options, keys keyset.Set) client.Options {
	options.DataConverter = converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), NewCodec(keys))
	options.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: options.DataConverter, EncodeCommonAttributes: true,
	})
	return options
}
