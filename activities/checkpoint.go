package activities

import (
	"context"
	"crypto"
	"encoding/hex"
	"errors"

	"orderly/eventstore"
	"orderly/workflows"
)

// Checkpointer is the activity of the checkpoint workflow.
type Checkpointer struct {
	Store *eventstore.Store
	// Signer signs; a worker without one leaves the work to others.
	Signer crypto.Signer
}

// MakeCheckpoint makes the next checkpoint. That there is nothing to cover yet is no error; when somebody else made one
// at the same time, that one is the result of the next try.
func (c *Checkpointer) MakeCheckpoint(ctx context.Context) (workflows.CheckpointResult, error) {
	if c.Signer == nil {
		return workflows.CheckpointResult{}, errors.New("this worker has no key to sign with") // another one may: it is tried again
	}
	made, err := c.Store.Checkpoint(ctx, c.Signer)
	if errors.Is(err, eventstore.ErrNoEvents) {
		return workflows.CheckpointResult{}, nil
	}
	if err != nil {
		return workflows.CheckpointResult{}, err
	}
	return workflows.CheckpointResult{ID: made.ID, MadeAt: made.MadeAt, Heads: made.Heads, Root: hex.EncodeToString(made.Root)}, nil
}
