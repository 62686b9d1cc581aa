package main

import (
	"context"
	"fmt"

	sdkworker "go.temporal.io/sdk/worker"

	"orderly/activities"
	"orderly/eventstore"
	"orderly/worker"
)

// addCheckpoints lets the projector make checkpoints, if it has a key. Without one it still takes the work of the
// schedule and gives it back, so that whoever looks there is told why.
func (s *service) addCheckpoints(projector sdkworker.Registry) error {
	checkpointer := &activities.Checkpointer{Store: s.store}
	if s.config.CheckpointKey != "" {
		key, err := eventstore.ParseSigningKey(s.config.CheckpointKey)
		if err != nil {
			return fmt.Errorf("ORDERLY_CHECKPOINT_KEY: %w", err)
		}
		checkpointer.Signer = key
	}
	worker.AddCheckpoints(projector, checkpointer)
	return nil
}

func (s *service) scheduleCheckpoints(ctx context.Context) error {
	if s.config.CheckpointKey == "" {
		return nil
	}
	return worker.ScheduleCheckpoints(ctx, s.temporal, s.config.CheckpointEvery)
}
