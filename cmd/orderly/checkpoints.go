package main

import (
	"context"
	"fmt"

	"orderly/activities"
	"orderly/eventstore"
	"orderly/worker"
)

// checkpointer makes checkpoints, if it has a key. Without one it still takes the work of the schedule and gives it back, so
// that whoever looks there is told why.
func (s *service) checkpointer() (*activities.Checkpointer, error) {
	checkpointer := &activities.Checkpointer{Store: s.store}
	if s.config.CheckpointKey != "" {
		key, err := eventstore.ParseSigningKey(s.config.CheckpointKey)
		if err != nil {
			return nil, fmt.Errorf("ORDERLY_CHECKPOINT_KEY: %w", err)
		}
		checkpointer.Signer = key
	}
	return checkpointer, nil
}

func (s *service) scheduleCheckpoints(ctx context.Context) error {
	if s.config.CheckpointKey == "" {
		return nil
	}
	return worker.ScheduleCheckpoints(ctx, s.temporal, s.config.CheckpointEvery)
}
