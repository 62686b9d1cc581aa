package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"orderly/internal/webhook"
	"orderly/journal"
)

const (
	// maxAnswer bounds how much of an answer is read, maxDetail how much of what went wrong is kept.
	maxAnswer = 4 << 10
	maxDetail = 300
)

// Message is the body of a webhook. Data is the event as GET /v1/orders/{order_id}/events shows it to the same tenant, with
// the id of its order.
type Message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      Event     `json:"data"`
}

// Event is an event in a [Message].
type Event struct {
	OrderID string `json:"order_id"`
	journal.Entry
}

// outcome is how an attempt ended.
type outcome struct {
	status     int // 0 without an answer
	detail     string
	retryAfter time.Duration
}

func (o outcome) delivered() bool {
	return o.status >= http.StatusOK && o.status < http.StatusMultipleChoices
}

// send makes one attempt. What goes wrong at the other end is its outcome; an error is of our side.
func (d *Deliverer) send(ctx context.Context, e Endpoint, deliveryID string, event Event) (outcome, error) {
	body, err := json.Marshal(Message{Type: event.EventType, Timestamp: event.CreatedAt, Data: event})
	if err != nil {
		return outcome{}, fmt.Errorf("write the webhook %s: %w", deliveryID, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return outcome{}, fmt.Errorf("write the webhook %s: %w", deliveryID, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Orderly-Webhooks/1")
	secrets, err := d.store.secrets(ctx, e)
	if err != nil {
		return outcome{}, err
	}
	if err := sign(request.Header, secrets, deliveryID, time.Now(), body); err != nil {
		return outcome{}, err
	}
	response, err := d.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return outcome{}, ctx.Err()
		}
		return outcome{detail: reason(err)}, nil
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // so that the connection can be used again
	o := outcome{status: response.StatusCode}
	if !o.delivered() {
		o.detail = "the answer is " + response.Status
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		o.retryAfter = time.Duration(seconds) * time.Second
	}
	return o, nil
}

// sign signs a body with all secrets.
func sign(header http.Header, secrets []string, id string, at time.Time, body []byte) error {
	var signatures []string
	for _, secret := range secrets {
		if err := webhook.SetHeaders(header, secret, id, at, body); err != nil {
			return fmt.Errorf("sign the webhook %s: %w", id, err)
		}
		signatures = append(signatures, header.Get(webhook.HeaderSignature))
	}
	header.Set(webhook.HeaderSignature, strings.Join(signatures, " "))
	return nil
}

// reason is what an integrator is told of an attempt that got no answer: not what addresses a name resolves to here.
func reason(err error) string {
	if errors.Is(err, ErrForbiddenAddress) {
		return ErrForbiddenAddress.Error()
	}
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxDetail)], "")
}
