package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"orderly/internal/webhook"
)

const webhookTimeout = 10 * time.Second

// sender signs carrier webhooks and posts them.
type sender struct {
	url    string
	secret string
	client *http.Client
}

// webhookBody is what a carrier reports.
type webhookBody struct {
	EventID        string    `json:"event_id"`
	ShipmentID     string    `json:"shipment_id"`
	TrackingNumber string    `json:"tracking_number"`
	Status         string    `json:"status"`
	At             time.Time `json:"at"`
	Location       string    `json:"location,omitempty"`
}

func newSender(opts Options) *sender {
	return &sender{
		url: opts.WebhookURL, secret: opts.WebhookSecret,
		client: &http.Client{
			Timeout:   webhookTimeout,
			Transport: &http.Transport{MaxIdleConnsPerHost: deliverers, IdleConnTimeout: time.Minute},
		},
	}
}

func (s *sender) close() { s.client.CloseIdleConnections() }

// post sends one event and returns an error unless the receiver says 2xx.
func (s *sender) post(ctx context.Context, p parcel, e carrierEvent) error {
	if s.url == "" {
		return nil
	}

	status, err := s.send(ctx, p, e)
	if err == nil && (status < 200 || status > 299) {
		err = fmt.Errorf("the receiver answered %d", status)
	}

	return err
}

// send sends one event and returns the receiver's status.
func (s *sender) send(ctx context.Context, p parcel, e carrierEvent) (int, error) {
	body, err := json.Marshal(webhookBody{
		EventID: e.ID, ShipmentID: p.ShipmentID, TrackingNumber: p.TrackingNumber,
		Status: e.Status, At: e.At, Location: e.Location,
	})
	if err != nil {
		return 0, fmt.Errorf("encode a carrier webhook: %w", err)
	}

	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("build a carrier webhook: %w", err)
	}

	req.Header.Set("Content-Type", "application/json")

	if err := webhook.SetHeaders(req.Header, s.secret, e.ID, time.Now(), body); err != nil {
		return 0, err
	}

	resp, err := s.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("send a carrier webhook: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()

	// Reading the answer to its end is what lets the connection be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRequestBytes))

	return resp.StatusCode, nil
}
