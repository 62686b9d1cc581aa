package journal

import "context"

// Placed is the version of an order that a command has just placed: the one event that every stream begins with.
const Placed = 1

// IsPlaced says whether an order is there, by whatever command.
func (j *Journal) IsPlaced(ctx context.Context, orderID string) (bool, error) {
	first, err := j.store.LoadFirst(ctx, []string{orderID})
	return len(first) > 0, err
}

// AwaitPlaced waits until a command has placed an order: then that is on the disk. It waits for ever for one that is refused. All who
// wait in a process are looked for together.
//
// Errors: the context's.
func (j *Journal) AwaitPlaced(ctx context.Context, orderID, commandID string) error {
	_, err := j.placings.Await(ctx, orderID, func(placedBy string) bool { return placedBy == commandID })
	return err
}

// readPlacings gives the commands that have placed orders.
func (j *Journal) readPlacings(ctx context.Context, orderIDs []string) (map[string]string, error) {
	events, err := j.store.LoadFirst(ctx, orderIDs)
	if err != nil {
		return nil, err
	}
	commands := make(map[string]string, len(events))
	for _, event := range events {
		if commands[event.StreamID], err = commandOf(event); err != nil {
			return nil, err
		}
	}
	return commands, nil
}
