package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"orderly/eventstore"
	"orderly/order"
)

// Applied is the version that a command led to, and whether it was applied to the order in this state. Where the state
// remembers the command only by a fingerprint, it reads the stream.
func (j *Journal) Applied(ctx context.Context, state order.State, commandID string) (version int, applied bool, err error) {
	version, applied, err = state.Applied(commandID)
	if !errors.Is(err, order.ErrUncertain) {
		return version, applied, err
	}
	events, err := j.store.LoadUntilVersion(ctx, state.OrderID, state.Version)
	if err != nil {
		return 0, false, fmt.Errorf("look for command %s in %s: %w", commandID, state.OrderID, err)
	}
	for _, event := range events {
		by, err := commandOf(event)
		if err != nil {
			return 0, false, err
		}
		if by == commandID {
			version, applied = event.Version, true
		}
	}
	return version, applied, nil
}

// commandOf is the id of the command that an event follows from.
func commandOf(event eventstore.Event) (string, error) {
	var metadata struct {
		CommandID string `json:"command_id"`
	}
	if err := json.Unmarshal(event.Metadata, &metadata); err != nil {
		return "", fmt.Errorf("%s at version %d: decode metadata: %w", event.StreamID, event.Version, err)
	}
	return metadata.CommandID, nil
}
