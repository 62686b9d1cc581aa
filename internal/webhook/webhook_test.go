package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"orderly/internal/webhook"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func signed(t testing.TB, id string, ts time.Time, body string) http.Header {
	t.Helper()

	header := http.Header{}
	if err := webhook.SetHeaders(header, testSecret, id, ts, []byte(body)); err != nil {
		t.Fatalf("SetHeaders: %v", err)
	}

	return header
}

func TestSign_ReferenceImplementation_Accepts(t *testing.T) {
	t.Parallel()

	for _, secret := range []string{testSecret, testSecret[len("whsec_"):], webhook.NewSecret()} {
		reference, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatalf("NewWebhook(%q): %v", secret, err)
		}

		now, body := time.Now(), []byte(`{"event_id":"evt_1"}`)

		got, err := webhook.Sign(secret, "evt_1", now, body)
		if err != nil {
			t.Fatalf("Sign: %v", err)
		}

		want, err := reference.Sign("evt_1", now, body)
		if err != nil || got != want {
			t.Errorf("Sign = %q, reference %q, %v", got, want, err)
		}

		header := http.Header{}
		if err := webhook.SetHeaders(header, secret, "evt_1", now, body); err != nil {
			t.Fatalf("SetHeaders: %v", err)
		}

		if err := reference.Verify(body, header); err != nil {
			t.Errorf("reference does not accept our headers: %v", err)
		}

		if err := webhook.Verify(secret, header, body, now); err != nil {
			t.Errorf("we do not accept our own headers: %v", err)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()

	const body = `{"a":1}`

	now := time.Unix(1_700_000_000, 0)
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}

	tests := map[string]struct {
		at     time.Time
		body   string
		change func(http.Header)
		secret string
		want   error
	}{
		"accepted":                 {},
		"five minutes old":         {at: now.Add(-5 * time.Minute)},
		"five minutes ahead":       {at: now.Add(5 * time.Minute)},
		"too old":                  {at: now.Add(-5*time.Minute - time.Second), want: webhook.ErrTimestamp},
		"too new":                  {at: now.Add(5*time.Minute + time.Second), want: webhook.ErrTimestamp},
		"other body":               {body: `{"a":2}`, want: webhook.ErrSignature},
		"other id":                 {change: set("webhook-id", "evt_2"), want: webhook.ErrSignature},
		"other time":               {change: set("webhook-timestamp", "1700000001"), want: webhook.ErrSignature},
		"no id":                    {change: func(h http.Header) { h.Del("webhook-id") }, want: webhook.ErrHeaders},
		"no timestamp":             {change: func(h http.Header) { h.Del("webhook-timestamp") }, want: webhook.ErrHeaders},
		"no signature":             {change: func(h http.Header) { h.Del("webhook-signature") }, want: webhook.ErrHeaders},
		"timestamp not a number":   {change: set("webhook-timestamp", "now"), want: webhook.ErrHeaders},
		"timestamp of the far end": {change: set("webhook-timestamp", "9223372036854775807"), want: webhook.ErrTimestamp},
		"timestamp of long ago":    {change: set("webhook-timestamp", "-9223372036854775808"), want: webhook.ErrTimestamp},
		"signature not base64":     {change: set("webhook-signature", "v1,%%%"), want: webhook.ErrSignature},
		"signature cut off":        {change: set("webhook-signature", "v1,"), want: webhook.ErrSignature},
		"one of several": {change: func(h http.Header) {
			h.Set("webhook-signature", "v1,AAAA v1a,BBBB "+h.Get("webhook-signature"))
		}},
		"other version": {change: func(h http.Header) {
			h.Set("webhook-signature", "v2"+h.Get("webhook-signature")[2:])
		}, want: webhook.ErrSignature},
		"other secret": {secret: webhook.NewSecret(), want: webhook.ErrSignature},
		"bad secret":   {secret: "whsec_%%%", want: webhook.ErrSecret},
		"empty secret": {secret: "whsec_", want: webhook.ErrSecret},
	}

	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			at, sent, secret := now, body, testSecret
			if !tt.at.IsZero() {
				at = tt.at
			}

			header := signed(t, "evt_1", at, body)
			if tt.change != nil {
				tt.change(header)
			}

			if tt.body != "" {
				sent = tt.body
			}

			if tt.secret != "" {
				secret = tt.secret
			}

			if err := webhook.Verify(secret, header, []byte(sent), now); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestSign_Refuses(t *testing.T) {
	t.Parallel()

	if _, err := webhook.Sign("", "evt_1", time.Now(), nil); !errors.Is(err, webhook.ErrSecret) {
		t.Errorf("without a secret: %v, want ErrSecret", err)
	}

	for _, id := range []string{"", "a.b"} {
		if _, err := webhook.Sign(testSecret, id, time.Now(), nil); !errors.Is(err, webhook.ErrHeaders) {
			t.Errorf("id %q: %v, want ErrHeaders", id, err)
		}
	}
}

func TestNewSecret_IsFresh(t *testing.T) {
	t.Parallel()

	if a, b := webhook.NewSecret(), webhook.NewSecret(); a == b {
		t.Errorf("the same secret twice: %s", a)
	}
}

func FuzzVerify(f *testing.F) {
	now := time.Now()
	header := signed(f, "evt_1", now, "{}")
	f.Add("evt_1", strconv.FormatInt(now.Unix(), 10), header.Get("webhook-signature"), []byte("{}"))
	f.Add("", "", "", []byte(nil))
	f.Add("evt_1", "-1", "v1,", []byte("{}"))
	f.Add("evt_1", "99999999999999999999", "v1 v1,, ,", []byte("{}"))

	reference, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		f.Fatal(err)
	}

	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		header := http.Header{}
		header.Set("webhook-id", id)
		header.Set("webhook-timestamp", stamp)
		header.Set("webhook-signature", signature)

		if webhook.Verify(testSecret, header, body, now) == nil {
			if err := reference.VerifyIgnoringTimestamp(body, header); err != nil {
				t.Errorf("we accept what the reference does not: %v", err)
			}
		}
	})
}

func ExampleVerify() {
	secret := webhook.NewSecret()
	now := time.Now()
	body := []byte(`{"event_id":"evt_1","status":"delivered"}`)

	header := http.Header{}
	_ = webhook.SetHeaders(header, secret, "evt_1", now, body)

	fmt.Println(webhook.Verify(secret, header, body, now))
	fmt.Println(webhook.Verify(secret, header, []byte(`{"status":"lost"}`), now))
	// Output:
	// <nil>
	// webhook: no signature matches
}
