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
	"os"
	"strings"

	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"orderly/internal/keyset"
)

// ErrNoKeys is returned where there is no key to encrypt with.
var ErrNoKeys = errors.New("ORDERLY_TEMPORAL_KEYS is not set: what Temporal keeps is encrypted with it; `orderly keys temporal NAME` makes one")

// Options are what the environment says, with encryption. Errors: [ErrNoKeys].
func Options(keys keyset.Set) (client.Options, error) {
	if keys.Empty() {
		return client.Options{}, ErrNoKeys
	}
	environment, err := readEnvironment()
	if err != nil {
		return client.Options{}, err
	}
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: environment})
	if err != nil {
		return client.Options{}, fmt.Errorf("read the TEMPORAL_* variables: %w", err)
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	// The SDK packs every message otherwise, at the cost of both sides' processors. What we send is encrypted, which does not pack.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	return Encrypt(options, keys), nil
}

// apiKeyVariable may come from a file, as every secret of Orderly's own.
const apiKeyVariable = "TEMPORAL_API_KEY" //nolint:gosec // a name, no key

// environment is that of the process, with an API key that lies in a file.
type environment struct{ apiKey string }

func readEnvironment() (environment, error) {
	path := os.Getenv(apiKeyVariable + "_FILE")
	if path == "" {
		return environment{}, nil
	}
	if os.Getenv(apiKeyVariable) != "" {
		return environment{}, fmt.Errorf("%s and %s_FILE are both set: which is meant?", apiKeyVariable, apiKeyVariable)
	}
	text, err := os.ReadFile(path) //nolint:gosec // whoever sets the environment of the process may read what it can
	if err != nil {
		return environment{}, fmt.Errorf("%s_FILE: %w", apiKeyVariable, err)
	}
	return environment{strings.TrimRight(string(text), "\r\n")}, nil
}

// Environ is all of it, as [os.Environ].
func (e environment) Environ() []string {
	if e.apiKey == "" {
		return os.Environ()
	}
	return append(os.Environ(), apiKeyVariable+"="+e.apiKey)
}

// LookupEnv is one variable of it, as [os.LookupEnv].
func (e environment) LookupEnv(name string) (string, bool) {
	if name == apiKeyVariable && e.apiKey != "" {
		return e.apiKey, true
	}
	return os.LookupEnv(name)
}

// Encrypt makes a client encrypt. There must be a key.
func Encrypt(options client.Options, keys keyset.Set) client.Options {
	options.DataConverter = converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), NewCodec(keys))
	options.FailureConverter = sealedFailures{temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: options.DataConverter, EncodeCommonAttributes: true,
	})}
	return options
}

// sealedFailures leaves a failure that is read as it is. The SDK's own converter writes what it has decrypted into it, and a worker
// reads the failure of a local activity before it sends it to the server.
type sealedFailures struct{ converter.FailureConverter }

// FailureToError implements [converter.FailureConverter].
func (s sealedFailures) FailureToError(sealed *failurepb.Failure) error {
	return s.FailureConverter.FailureToError(proto.CloneOf(sealed))
}
