package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"orderly/bulk"
	"orderly/orchestrator"
	"orderly/order"
	"orderly/workflows"
)

const (
	// bulkTurn is how long one activity goes on before it tells the workflow how far it is.
	bulkTurn = 10 * time.Second
	// bulkAtOnce bounds the commands of an operation that are under way.
	bulkAtOnce = 8
)

// Bulk carries out operations over many orders.
type Bulk struct {
	Store  *bulk.Store
	Orders *orchestrator.Orchestrator
}

// CarryOutBulk gives the operation's command to the orders that have not got it yet, as many a second as it may, until all
// have it, it is suspended or cancelled, or its turn is over. A command that is sent again counts once.
func (b *Bulk) CarryOutBulk(ctx context.Context, bulkID string) (workflows.BulkProgress, error) {
	for begin := time.Now(); ; {
		o, err := b.Store.Get(ctx, "", bulkID)
		if err != nil {
			return workflows.BulkProgress{}, err
		}
		if o.State == bulk.Running && o.Counts.Pending == 0 {
			if o, err = b.Store.Change(ctx, "", bulkID, bulk.Completed); err != nil {
				return workflows.BulkProgress{}, err
			}
		}
		activity.RecordHeartbeat(ctx, progressOf(o))
		if o.State != bulk.Running || time.Since(begin) > bulkTurn {
			return progressOf(o), nil
		}
		second := time.After(time.Second)
		if err := b.sendSome(ctx, o); err != nil {
			return workflows.BulkProgress{}, err
		}
		select {
		case <-second:
		case <-ctx.Done():
			return workflows.BulkProgress{}, ctx.Err()
		}
	}
}

// CancelBulk cancels what is left of an operation.
func (b *Bulk) CancelBulk(ctx context.Context, bulkID string) (workflows.BulkProgress, error) {
	o, err := b.Store.Change(ctx, "", bulkID, bulk.Cancelled)
	if err != nil && !errors.Is(err, bulk.ErrOver) {
		return workflows.BulkProgress{}, err
	}
	return progressOf(o), nil
}

// sendSome sends the command to as many orders as a second's share.
func (b *Bulk) sendSome(ctx context.Context, o bulk.Operation) error {
	targets, err := b.Store.Due(ctx, o.ID, o.Rate)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bulkAtOnce)
	for _, target := range targets {
		group.Go(func() error {
			activity.RecordHeartbeat(ctx, progressOf(o))
			return b.send(ctx, o, target)
		})
	}
	return group.Wait()
}

// send has one order do it. What the rules say to it is its result; whatever else goes wrong is tried again after the others, a
// bounded number of times.
func (b *Bulk) send(ctx context.Context, o bulk.Operation, target bulk.Target) error {
	result, err := b.Orders.Send(ctx, target.OrderID, o.CommandOf(target))
	switch {
	case err == nil:
		target.Status, target.Version = "done", &result.Version
	case ctx.Err() != nil:
		return ctx.Err()
	case refusedByRules(err):
		target.Status, target.Detail = "refused", err.Error()
	default:
		return b.Store.Postpone(ctx, o.ID, target, err.Error())
	}
	return b.Store.Record(ctx, o.ID, target)
}

func refusedByRules(err error) bool {
	_, notAllowed := errors.AsType[*order.NotAllowedError](err)
	_, invalid := errors.AsType[*order.InvalidError](err)
	return notAllowed || invalid || errors.Is(err, order.ErrNotFound)
}

func progressOf(o bulk.Operation) workflows.BulkProgress {
	return workflows.BulkProgress{
		Command: o.Command, StartedBy: o.Actor.ID, Reason: o.Reason, State: string(o.State),
		Total: o.Counts.Total, Done: o.Counts.Done, Refused: o.Counts.Refused, Failed: o.Counts.Failed,
	}
}
