package temporalclient

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"orderly/internal/keyset"
)

// The metadata of a payload that was encrypted.
const (
	encrypted = "binary/encrypted"
	keyField  = "encryption-key-id"
)

// bound keeps what is sealed for Temporal from being opened as anything else.
var bound = []byte("temporal payload")

// Codec encrypts payloads. It decrypts what any of its keys has encrypted, and leaves what was written in clear as it is.
type Codec struct{ keys keyset.Set }

var _ converter.PayloadCodec = (*Codec)(nil)

// NewCodec makes a codec. There must be a key.
func NewCodec(keys keyset.Set) *Codec { return &Codec{keys} }

// Encode encrypts whole payloads, metadata included, with the current key.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, func(p *commonpb.Payload) (*commonpb.Payload, error) {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		return &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encrypted), keyField: []byte(c.keys.Current())},
			Data:     c.keys.Seal(plain, bound),
		}, nil
	})
}

// Decode decrypts. Errors: [keyset.ErrUnknownKey], [keyset.ErrDamaged].
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, func(p *commonpb.Payload) (*commonpb.Payload, error) {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encrypted {
			return p, nil
		}
		plain, err := c.keys.Open(string(p.GetMetadata()[keyField]), p.GetData(), bound)
		if err != nil {
			return nil, fmt.Errorf("decrypt a payload (ORDERLY_TEMPORAL_KEYS): %w", err)
		}
		var inner commonpb.Payload
		if err := proto.Unmarshal(plain, &inner); err != nil {
			return nil, fmt.Errorf("decrypt a payload: %w", err)
		}
		return &inner, nil
	})
}

func each(payloads []*commonpb.Payload, change func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	changed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if changed[i], err = change(p); err != nil {
			return nil, err
		}
	}
	return changed, nil
}
