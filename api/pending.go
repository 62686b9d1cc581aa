package api

import (
	"context"
	"errors"
	"net/http"

	"orderly/orchestrator"
	"orderly/order"
)

// PendingCommand is the answer to a command that is under way.
type PendingCommand struct {
	Status     string `json:"status" enum:"pending" doc:"The command was taken and will be carried out."`
	OrderID    string `json:"order_id" doc:"The order that it is for."`
	CommandURL string `json:"command_url" doc:"Where to ask what became of it."`
}

// pending is the answer to a command that outlived its wait.
func pending(orderID, key string) *commandOutput {
	path := commandPath(orderID, key)
	return &commandOutput{
		Status: http.StatusAccepted, Location: path, RetryAfter: "1",
		Body: PendingCommand{Status: "pending", OrderID: orderID, CommandURL: path},
	}
}

type getCommandInput struct {
	OrderID string `path:"order_id" doc:"The order."`
	Key     string `path:"idempotency_key" doc:"The Idempotency-Key of the command."`
}

// getCommand tells what became of a command: the order as it was after it, its refusal, or that it is under way. The
// stream is asked and not only the receipt: whoever carried the command out may have died before writing one.
func (a *API) getCommand(ctx context.Context, in *getCommandInput) (*commandOutput, error) {
	if !isOrderID(in.OrderID) || !isIdempotencyKey(in.Key) {
		return nil, order.ErrNotFound
	}
	found, id, known, err := a.receipts.find(ctx, tenantOf(ctx), in.OrderID, in.Key)
	if err != nil {
		return nil, err
	}
	switch {
	case found.problem != nil:
		return nil, replayedProblem(found.problem)
	case found.status != 0:
		return a.commandResult(ctx, in.OrderID, found.version)
	}
	version, applied, err := a.inStream(ctx, in, id)
	if err != nil && (!known || !errors.Is(err, order.ErrNotFound)) {
		return nil, err
	}
	switch {
	case applied:
		return a.commandResult(ctx, in.OrderID, version)
	case known:
		return a.becameOf(ctx, in, id)
	default:
		return nil, newProblem(codeNotFound, "No command with this key is known for the order.")
	}
}

// inStream is the version to which a command led, by the order's stream.
func (a *API) inStream(ctx context.Context, in *getCommandInput, id string) (version int, applied bool, err error) {
	state, err := a.ownOrder(ctx, in.OrderID)
	if err != nil {
		return 0, false, err
	}
	return a.appliedVersion(ctx, state, id, in.Key)
}

// becameOf asks the order's workflow for a command that is not in the stream. One that the workflow does not have either is not
// under way any more, unless it came into the stream meanwhile and the workflow has ended: it is to be sent again.
func (a *API) becameOf(ctx context.Context, in *getCommandInput, id string) (*commandOutput, error) {
	result, err := a.commands.Outcome(ctx, in.OrderID, id)
	switch {
	case err == nil:
		return a.commandResult(ctx, in.OrderID, result.Version)
	case errors.Is(err, orchestrator.ErrPending):
		return pending(in.OrderID, in.Key), nil
	case !errors.Is(err, orchestrator.ErrUnknown):
		return nil, err
	}
	version, applied, err := a.inStream(ctx, in, id)
	switch {
	case err != nil && !errors.Is(err, order.ErrNotFound):
		return nil, err
	case applied:
		return a.commandResult(ctx, in.OrderID, version)
	default:
		return nil, newProblem(codeNotFound, "The command was not carried out: send it again.")
	}
}

func (a *API) commandResult(ctx context.Context, orderID string, version int) (*commandOutput, error) {
	state, err := a.journal.LoadVersion(ctx, orderID, version)
	if err != nil {
		return nil, err
	}
	return a.done(ctx, call{success: http.StatusOK}, state, false)
}

// appliedVersion is the version to which a command led. When no receipt tells the command's id, the routes are
// tried that have no other id in their path.
func (a *API) appliedVersion(ctx context.Context, state order.State, id, key string) (int, bool, error) {
	ids := []string{id}
	if id == "" {
		tenant := tenantOf(ctx)
		ids = []string{CommandID(tenant, placeRoute, key)}
		for _, route := range plainRoutes {
			ids = append(ids, CommandID(tenant, "POST "+orderPath(state.OrderID)+route, key))
		}
	}
	for _, each := range ids {
		if version, applied, err := a.journal.Applied(ctx, state, each); applied || err != nil {
			return version, applied, err
		}
	}
	return 0, false, nil
}
