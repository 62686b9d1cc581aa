package temporalclient_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
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

func TestOptions_APIKeyInAFile(t *testing.T) { //nolint:paralleltest // it sets the environment
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("tk_secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEMPORAL_API_KEY_FILE", path)
	options, err := temporalclient.Options(keys(t, keyset.Generate("a")))
	if err != nil {
		t.Fatal(err)
	}
	if options.Credentials == nil || options.ConnectionOptions.TLS == nil {
		t.Errorf("the key is not used, or without TLS: %+v", options)
	}
	t.Setenv("TEMPORAL_API_KEY", "tk_other")
	if _, err := temporalclient.Options(keys(t, keyset.Generate("a"))); err == nil || !strings.Contains(err.Error(), "which is meant") {
		t.Errorf("two keys: %v", err)
	}
	t.Setenv("TEMPORAL_API_KEY", "")
	t.Setenv("TEMPORAL_API_KEY_FILE", path+".none")
	if _, err := temporalclient.Options(keys(t, keyset.Generate("a"))); err == nil || !strings.Contains(err.Error(), "TEMPORAL_API_KEY_FILE") {
		t.Errorf("a file that there is not: %v", err)
	}
}

// TestFailures_StayEncrypted_WhenTheyAreRead: a worker reads the failure of a local activity before it sends it.
func TestFailures_StayEncrypted_WhenTheyAreRead(t *testing.T) {
	t.Parallel()
	failures := temporalclient.Encrypt(client.Options{}, keys(t, keyset.Generate("k1"))).FailureConverter
	sealed := failures.ErrorToFailure(temporal.NewApplicationErrorWithCause(secret, "Unavailable", errors.New(secret), secret))
	before := proto.CloneOf(sealed)
	err := failures.FailureToError(sealed)
	if !strings.Contains(err.Error(), secret) || !strings.Contains(errors.Unwrap(err).Error(), secret) {
		t.Errorf("read as %v", err)
	}
	if diff := cmp.Diff(before, sealed, protocmp.Transform()); diff != "" {
		t.Errorf("reading has changed it (-before +after):\n%s", diff)
	}
	for name, each := range map[string]proto.Message{"read": sealed, "passed on": failures.ErrorToFailure(err)} {
		if raw, err := proto.Marshal(each); err != nil || bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%s: %v shows what was wrong: %v", name, each, err)
		}
	}
	if err := failures.FailureToError(nil); err != nil {
		t.Errorf("no failure reads as %v", err)
	}
}
