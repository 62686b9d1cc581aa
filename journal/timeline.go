package journal

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"orderly/eventstore"
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
	Upcast   Shape = iota // in today's shape, addresses in clear unless they were erased, without the means of payment
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
		if shape == AsStored {
			entries[i] = entryOf(event)
			continue
		}
		if entries[i], err = j.show(ctx, event, &owner); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// entryOf is an event as it was stored.
func entryOf(event eventstore.Event) Entry {
	return Entry{
		Position: event.Position.String(), ID: event.ID.String(), Version: event.Version, EventType: event.Type,
		SchemaVersion: event.SchemaVersion, Data: event.Data, Metadata: event.Metadata, CreatedAt: event.CreatedAt,
		Hash: hex.EncodeToString(event.Hash),
	}
}

// show is an event in the shape [Upcast]. The owner is learned from the event that opens the stream.
func (j *Journal) show(ctx context.Context, event eventstore.Event, owner *vault.Owner) (Entry, error) {
	entry := entryOf(event)
	var err error
	if entry.Data, err = order.Upcast(event.Type, event.SchemaVersion, event.Data); err == nil {
		entry.SchemaVersion = order.SchemaVersion(event.Type)
		entry.Data, err = j.revealEvent(ctx, event.StreamID, owner, event.Type, entry.Data)
	}
	if err == nil {
		entry.Data, err = withoutToken(event.Type, entry.Data)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("%s at version %d: %w", event.StreamID, event.Version, err)
	}
	return entry, nil
}

// tokenEvents have a means of payment in their data.
var tokenEvents = []string{"OrderCreated", "PaymentMethodProvided"}

// withoutToken takes the means of payment out of an event's data.
func withoutToken(eventType string, data json.RawMessage) (json.RawMessage, error) {
	if !slices.Contains(tokenEvents, eventType) {
		return data, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("read the data of %s: %w", eventType, err)
	}
	delete(fields, "token")
	var kept bytes.Buffer
	encoder := json.NewEncoder(&kept)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(fields); err != nil {
		return nil, fmt.Errorf("write the data of %s: %w", eventType, err)
	}
	return bytes.TrimSpace(kept.Bytes()), nil
}
