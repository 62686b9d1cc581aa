package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/buger/jsonparser"
	"github.com/google/uuid"

	"orderly/eventstore"
	"orderly/order"
)

// Metadata is who, why and from where: it stands beside the data of every event.
type Metadata struct {
	CommandID     string      `json:"command_id"`
	CausationID   string      `json:"causation_id"`
	CorrelationID string      `json:"correlation_id,omitempty"`
	Actor         order.Actor `json:"actor"`
	Reason        string      `json:"reason,omitempty"`
	Source        string      `json:"source"`
	WorkflowID    string      `json:"workflow_id,omitempty"`
	RunID         string      `json:"run_id,omitempty"`
	Traceparent   string      `json:"traceparent,omitempty"`
	OccurredAt    time.Time   `json:"occurred_at"`
}

// Origin is where in the system a command is decided; it goes into the metadata.
type Origin struct {
	WorkflowID, RunID, Traceparent string
}

type originKey struct{}

// WithOrigin says where the commands that are applied with this context come from.
func WithOrigin(ctx context.Context, origin Origin) context.Context {
	return context.WithValue(ctx, originKey{}, origin)
}

func encode(ctx context.Context, command order.Command, events []order.Event) ([]eventstore.NewEvent, error) {
	origin, _ := ctx.Value(originKey{}).(Origin)
	metadata, err := json.Marshal(Metadata{
		CommandID: command.ID, CausationID: command.ID, CorrelationID: origin.WorkflowID, Actor: command.Actor,
		Reason: command.Reason, Source: command.Source, WorkflowID: origin.WorkflowID, RunID: origin.RunID,
		Traceparent: origin.Traceparent, OccurredAt: command.At,
	})
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	encoded := make([]eventstore.NewEvent, len(events))
	for i, event := range events {
		data, err := json.Marshal(event)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", event.EventType(), err)
		}
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make an event id: %w", err)
		}
		encoded[i] = eventstore.NewEvent{
			ID: id, Type: event.EventType(), SchemaVersion: order.SchemaVersion(event.EventType()), Data: data, Metadata: metadata,
		}
	}
	return encoded, nil
}

// Decode reads stored events as events of orders, in today's shape.
func Decode(events []eventstore.Event) ([]order.Recorded, error) {
	recorded := make([]order.Recorded, len(events))
	for i, event := range events {
		var err error
		if recorded[i], err = DecodeEvent(event); err != nil {
			return nil, err
		}
	}
	return recorded, nil
}

// DecodeEvent reads one stored event as an event of an order.
func DecodeEvent(event eventstore.Event) (order.Recorded, error) {
	data, err := order.DecodeEvent(event.Type, event.SchemaVersion, event.Data)
	if err != nil {
		return order.Recorded{}, fmt.Errorf("%s at version %d: %w", event.StreamID, event.Version, err)
	}
	recorded := order.Recorded{Version: event.Version, At: event.CreatedAt, Event: data}
	if recorded.CommandID, recorded.Reason, err = commandAndReason(event.Metadata); err != nil {
		return order.Recorded{}, fmt.Errorf("%s at version %d: decode metadata: %w", event.StreamID, event.Version, err)
	}
	return recorded, nil
}

var noMetadata = json.RawMessage("null")

// DecodeEffect reads one stored event for a state that knows no commands ([order.State.WithoutCommands]).
func DecodeEffect(event eventstore.Event) (order.Recorded, error) {
	if !mayHaveReason(event.Metadata) {
		event.Metadata = noMetadata // there is nothing else in it that states are made of
	}
	recorded, err := DecodeEvent(event)
	recorded.CommandID = ""
	return recorded, err
}

// mayHaveReason says whether a reason stands in metadata, or may: in what is escaped.
func mayHaveReason(metadata []byte) bool {
	return bytes.Contains(metadata, []byte(`"reason"`)) || bytes.IndexByte(metadata, '\\') >= 0
}

// commandAndReason picks what orders are made of out of metadata. It looks at nothing else: to decode all of it takes three times
// as long, for every event that is read.
func commandAndReason(metadata []byte) (command, reason string, err error) {
	if string(metadata) == "null" {
		return "", "", nil
	}
	err = jsonparser.ObjectEach(metadata, func(key, value []byte, kind jsonparser.ValueType, _ int) error {
		var into *string
		switch string(key) {
		case "command_id":
			into = &command
		case "reason":
			into = &reason
		default:
			return nil
		}
		switch kind {
		case jsonparser.Null:
			return nil
		case jsonparser.String:
		default:
			return fmt.Errorf("%s is a %s", key, kind)
		}
		var err error
		*into, err = jsonparser.ParseString(value)
		return err
	})
	return command, reason, err
}
