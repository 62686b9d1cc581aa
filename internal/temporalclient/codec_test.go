package temporalclient_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"orderly/internal/keyset"
	"orderly/internal/temporalclient"
)

const secret = "an address"

func keys(t *testing.T, all ...string) keyset.Set {
	t.Helper()
	set, err := keyset.Parse(strings.Join(all, ","))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func inClear(t *testing.T) []*commonpb.Payload {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(secret, []byte(secret), nil)
	if err != nil {
		t.Fatal(err)
	}
	return payloads.GetPayloads()
}

func TestCodec_HidesPayloads_AndGivesThemBack(t *testing.T) {
	t.Parallel()
	codec := temporalclient.NewCodec(keys(t, keyset.Generate("k1")))
	plain := inClear(t)
	sealed, err := codec.Encode(plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range sealed {
		raw, err := proto.Marshal(p)
		if err != nil || bytes.Contains(raw, []byte(secret)) || bytes.Contains(raw, []byte("json/plain")) {
			t.Errorf("%v shows what is in it: %v", p, err)
		}
	}
	opened, err := codec.Decode(sealed)
	if diff := cmp.Diff(plain, opened, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func TestCodec_LeavesWhatWasWrittenInClear(t *testing.T) {
	t.Parallel()
	plain := inClear(t)
	got, err := temporalclient.NewCodec(keys(t, keyset.Generate("k1"))).Decode(plain)
	if diff := cmp.Diff(plain, got, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func TestCodec_AfterARotation_OpensWhatTheOldKeySealed(t *testing.T) {
	t.Parallel()
	older, newer := keyset.Generate("older"), keyset.Generate("newer")
	plain := inClear(t)
	sealed, err := temporalclient.NewCodec(keys(t, older)).Encode(plain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := temporalclient.NewCodec(keys(t, newer, older)).Decode(sealed)
	if diff := cmp.Diff(plain, got, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if _, err := temporalclient.NewCodec(keys(t, newer)).Decode(sealed); !errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("without the old key: %v", err)
	}
	sealed[0].Data[20] ^= 1
	if _, err := temporalclient.NewCodec(keys(t, older)).Decode(sealed); !errors.Is(err, keyset.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
}

func TestEncrypt_HidesMessagesOfFailures(t *testing.T) {
	t.Parallel()
	options := temporalclient.Encrypt(client.Options{}, keys(t, keyset.Generate("k1")))
	cause := temporal.NewApplicationError("went to "+secret, "Refused", secret)
	failure := options.FailureConverter.ErrorToFailure(cause)
	raw, err := proto.Marshal(failure)
	if err != nil || bytes.Contains(raw, []byte(secret)) {
		t.Errorf("the failure shows its message or details: %v, %v", failure, err)
	}
	got, ok := errors.AsType[*temporal.ApplicationError](options.FailureConverter.FailureToError(failure))
	var details string
	if !ok || got.Message() != "went to "+secret || got.Details(&details) != nil || details != secret {
		t.Errorf("came back as %v with details %q", got, details)
	}
}

func TestOptions_WithoutKeys_AreRefused(t *testing.T) {
	t.Parallel()
	if _, err := temporalclient.Options(keyset.Set{}); !errors.Is(err, temporalclient.ErrNoKeys) {
		t.Errorf("got %v", err)
	}
}
