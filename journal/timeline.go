package journal

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"orderly/order"
	"orderly/vault"
)

// Entry is an event of an order for whoever asks what happened.
type Entry struct {
	Position      string          `json:"position"`
	ID            string          `json:"id"`
	Version       int             `json:"version"`
	EventType     string          `json:"event_type"`
	SchemaVersion int             `json:"schema_version"`
	Data          json.RawMessage `json:"data"`
	Metadata      json.RawMessage `json:"metadata"`
	CreatedAt     time.Time       `json:"created_at"`
	Hash          string          `json:"hash"`
}

// Shape says in which shape an order's events are wanted.
type Shape int

// The shapes of events.
const (
	Upcast   Shape = iota // in today's shape, addresses in clear unless they were erased
	AsStored              // as they were written
)

// Events lists an order's events from the first to the last; [order.ErrNotFound] when there are none.
func (j *Journal) Events(ctx context.Context, orderID string, shape Shape) ([]Entry, error) {
	events, _, err := j.store.Load(ctx, orderID)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", orderID, err)
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("%s: %w", orderID, order.ErrNotFound)
	}
	entries := make([]Entry, len(events))
	var owner vault.Owner
	for i, event := range events {
		data, version := []byte(event.Data), event.SchemaVersion
		if shape == Upcast {
			if data, err = order.Upcast(event.Type, version, data); err != nil {
				return nil, fmt.Errorf("%s at version %d: %w", orderID, event.Version, err)
			}
			version = order.SchemaVersion(event.Type)
			if data, err = j.revealEvent(ctx, orderID, &owner, event.Type, data); err != nil {
				return nil, fmt.Errorf("%s at version %d: %w", orderID, event.Version, err)
			}
		}
		entries[i] = Entry{
			Position: event.Position.String(), ID: event.ID.String(), Version: event.Version, EventType: event.Type,
			SchemaVersion: version, Data: data, Metadata: event.Metadata, CreatedAt: event.CreatedAt,
			Hash: hex.EncodeToString(event.Hash),
		}
	}
	return entries, nil
}
