// Package webhook signs and verifies webhooks by the Standard Webhooks specification
// (https://www.standardwebhooks.com): an HMAC-SHA256 over "id.timestamp.body" with a shared secret, sent in the
// headers webhook-id, webhook-timestamp and webhook-signature.
//
// Its one idea: the signature covers the id and the time as well as the body, so a receiver that remembers ids for
// longer than [Tolerance] cannot be made to act twice by somebody who recorded a delivery.
package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed webhook.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Tolerance is how far the sender's clock may be from the receiver's, either way.
const Tolerance = 5 * time.Minute

const (
	secretPrefix = "whsec_"
	version      = "v1"
	secretBytes  = 32
)

// Why a webhook was not accepted.
var (
	ErrSecret    = errors.New("webhook: the secret is not whsec_<base64>")
	ErrHeaders   = errors.New("webhook: a header is missing or malformed")
	ErrTimestamp = errors.New("webhook: the timestamp is too far from now")
	ErrSignature = errors.New("webhook: no signature matches")
)

// NewSecret returns a fresh random secret in the form whsec_<base64>.
func NewSecret() string {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // never fails: it crashes the program rather than return weak bytes

	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// Sign returns the value of the header webhook-signature for body, sent as message id at ts. The secret may come
// with or without its prefix whsec_. The error is [ErrSecret] or, for an id that cannot be signed without ambiguity,
// [ErrHeaders].
func Sign(secret, id string, ts time.Time, body []byte) (string, error) {
	key, err := decodeSecret(secret)
	if err != nil {
		return "", err
	}

	if id == "" || strings.Contains(id, ".") {
		return "", fmt.Errorf("%w: the id is empty or contains a dot", ErrHeaders)
	}

	mac := sum(key, id, strconv.FormatInt(ts.Unix(), 10), body)

	return version + "," + base64.StdEncoding.EncodeToString(mac), nil
}

// SetHeaders signs body and sets the three headers.
func SetHeaders(header http.Header, secret, id string, ts time.Time, body []byte) error {
	signature, err := Sign(secret, id, ts, body)
	if err != nil {
		return err
	}

	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, strconv.FormatInt(ts.Unix(), 10))
	header.Set(HeaderSignature, signature)

	return nil
}

// Verify checks that body was signed with secret and not more than [Tolerance] before or after now. The header may
// carry several signatures, separated by spaces, as senders do while they change secrets: one that matches is enough.
func Verify(secret string, header http.Header, body []byte, now time.Time) error {
	key, err := decodeSecret(secret)
	if err != nil {
		return err
	}

	id, stamp, signatures := header.Get(HeaderID), header.Get(HeaderTimestamp), header.Get(HeaderSignature)
	if id == "" || stamp == "" || signatures == "" {
		return ErrHeaders
	}

	if err := checkTimestamp(stamp, now); err != nil {
		return err
	}

	// Compared as text: base64 has several spellings of the same bytes, and only one was sent by the sender.
	want := []byte(base64.StdEncoding.EncodeToString(sum(key, id, stamp, body)))

	for signature := range strings.FieldsSeq(signatures) {
		tag, encoded, _ := strings.Cut(signature, ",")
		if tag == version && hmac.Equal([]byte(encoded), want) {
			return nil
		}
	}

	return ErrSignature
}

func checkTimestamp(stamp string, now time.Time) error {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: the timestamp is not a number", ErrHeaders)
	}

	// Compared in whole seconds, not as a time.Duration: a hostile timestamp would overflow that.
	tolerance := int64(Tolerance / time.Second)
	if seconds < now.Unix()-tolerance || seconds > now.Unix()+tolerance {
		return ErrTimestamp
	}

	return nil
}

func decodeSecret(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil || len(key) == 0 {
		return nil, ErrSecret
	}

	return key, nil
}

// sum takes the timestamp as it was sent, not as it was parsed, because that is what the other side signed.
func sum(key []byte, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)

	return mac.Sum(nil)
}
