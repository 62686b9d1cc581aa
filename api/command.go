package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"orderly/journal"
	"orderly/orchestrator"
	"orderly/order"
	"orderly/workflows"
)

// commander sends a command to an order and waits for its result, or says what became of one: see [orchestrator.Orchestrator].
type commander interface {
	Send(ctx context.Context, orderID string, command order.Command) (workflows.CommandResult, error)
	SendSeen(ctx context.Context, orderID string, version int, command order.Command) (workflows.CommandResult, error)
	Outcome(ctx context.Context, orderID, commandID string) (workflows.CommandResult, error)
}

// call is a command as it came in.
type call struct {
	orderID string
	// route is the method and path, ids included: an idempotency key counts for one of them.
	route  string
	key    string
	expect *int
	// input is the body; with another one the key counts as reused.
	input   any
	command order.Body
	reason  string
	// success is the status of the answer when the command was carried out.
	success int
}

// commandOutput answers a command. Body is the order after it, or where to ask for it.
type commandOutput struct {
	OrderVersion

	Status     int
	Location   string `header:"Location"`
	Replayed   string `header:"Idempotent-Replayed"`
	RetryAfter string `header:"Retry-After"`
	Body       any
}

// perform carries a command out once, however often it is called, and gives the first answer again.
func (a *API) perform(ctx context.Context, c call) (*commandOutput, error) {
	s, err := newSlip(tenantOf(ctx), c)
	if err != nil {
		return nil, err
	}
	found, err := a.claim(ctx, &s)
	switch {
	case err != nil:
		return nil, err
	case found.status != 0:
		return a.again(ctx, c, found)
	default:
		return a.carryOut(ctx, c, &s)
	}
}

// claim gives the receipt of a command that was carried out, or makes it the caller's to carry out.
func (a *API) claim(ctx context.Context, s *slip) (receipt, error) {
	found, err := a.receipts.take(ctx, s)
	switch {
	case err != nil:
		return receipt{}, err
	case found.otherRequest:
		return receipt{}, newProblem(codeKeyReused, "Take another Idempotency-Key for another request.")
	case found.status == 0 && !found.mine:
		return receipt{}, newProblem(codeInFlight, "Ask again for its result.").after(tryAgainSoon)
	default:
		return found, nil
	}
}

func (a *API) carryOut(ctx context.Context, c call, s *slip) (*commandOutput, error) {
	// Sealed here, so that no personal data is kept by what lies between here and the journal.
	command, err := a.journal.Seal(ctx, c.orderID, order.Command{
		ID: s.commandID, Actor: requestOf(ctx).principal.actor(), Reason: c.reason, Source: "api", Expect: c.expect, Body: c.command,
	})
	if err != nil {
		return nil, a.refuse(ctx, s, err)
	}
	result, err := a.send(ctx, c.orderID, command)
	if errors.Is(err, orchestrator.ErrPending) {
		a.release(ctx, s)
		return pending(c.orderID, c.key), nil
	}
	if err != nil {
		return nil, a.refuse(ctx, s, err)
	}
	state, err := a.journal.LoadVersion(ctx, c.orderID, result.Version)
	if err != nil {
		a.release(ctx, s)
		return nil, fmt.Errorf("load what a command led to: %w", err)
	}
	a.keep(ctx, s, c.success, result.Version, nil)
	return a.done(ctx, c, state, result.Replayed)
}

// send hands a command to the order's workflow and waits for what the rules make of it.
func (a *API) send(ctx context.Context, orderID string, command order.Command) (workflows.CommandResult, error) {
	if _, places := command.Body.(order.PlaceOrder); !places {
		return a.commands.Send(ctx, orderID, command)
	}
	// Of an order that is there already, only the workflow can tell whether this command has placed it.
	if there, err := a.journal.IsPlaced(ctx, orderID); there || err != nil {
		return a.commands.Send(ctx, orderID, command)
	}
	return a.sendAndWatch(ctx, orderID, command)
}

// sendAndWatch sends a command that places an order and is done as soon as the order's first event is on the disk: the workflow answers
// after the first steps only, and after all services that they ask.
func (a *API) sendAndWatch(ctx context.Context, orderID string, command order.Command) (workflows.CommandResult, error) {
	type answer struct {
		result workflows.CommandResult
		err    error
	}
	answers := make(chan answer, 2)
	sending := context.WithoutCancel(ctx) // the workflow's answer is still on its way when the order is placed
	go func() {
		result, err := a.commands.Send(sending, orderID, command)
		answers <- answer{result, err}
	}()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		if err := a.journal.AwaitPlaced(watching, orderID, command.ID); err == nil {
			answers <- answer{result: workflows.CommandResult{Version: journal.Placed}}
		}
	}()
	select {
	case <-ctx.Done():
		return workflows.CommandResult{}, fmt.Errorf("wait for the answer to %s: %w", command.Body.CommandName(), ctx.Err())
	case came := <-answers:
		return came.result, came.err
	}
}

// refuse keeps a refusal as the command's answer, unless the same request may well be taken later.
func (a *API) refuse(ctx context.Context, s *slip, err error) error {
	problem := a.problem(err)
	switch problem.Status {
	case http.StatusConflict, http.StatusUnprocessableEntity:
		problem.TraceID = requestOf(ctx).traceID
		if body, err := json.Marshal(problem); err == nil {
			a.keep(ctx, s, problem.Status, 0, body)
		}
	default:
		a.release(ctx, s)
	}
	return problem
}

// again gives the first answer again, made of what the receipt says.
func (a *API) again(ctx context.Context, c call, found receipt) (*commandOutput, error) {
	if found.problem != nil {
		a.metrics.replays.Inc()
		return nil, replayedProblem(found.problem)
	}
	state, err := a.journal.LoadVersion(ctx, c.orderID, found.version)
	if err != nil {
		return nil, fmt.Errorf("load what a command led to: %w", err)
	}
	return a.done(ctx, c, state, true)
}

func replayedProblem(body []byte) error {
	var problem Problem
	if err := json.Unmarshal(body, &problem); err != nil {
		return fmt.Errorf("read a kept refusal: %w", err)
	}
	problem.replayed = true
	return &problem
}

func (a *API) done(ctx context.Context, c call, state order.State, replayed bool) (*commandOutput, error) {
	shown, err := a.show(ctx, state)
	if err != nil {
		return nil, err
	}
	output := &commandOutput{
		OrderVersion: orderVersion(state.Version), Status: c.success, Body: shown,
	}
	if c.success == http.StatusCreated {
		output.Location = orderPath(state.OrderID)
	}
	if replayed {
		a.metrics.replays.Inc()
		output.Replayed = "true"
	}
	return output, nil
}

// after is the context of the writing of a receipt, which happens though the client may have gone.
func after(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
}

// keep and release only log their failure: the command's result stands, and a claim runs out by itself.
func (a *API) keep(ctx context.Context, s *slip, status, version int, problem []byte) {
	ctx, cancel := after(ctx)
	defer cancel()
	if err := a.receipts.finish(ctx, s, status, version, problem); err != nil {
		requestOf(ctx).log.Warn("an answer was not kept", zap.Error(err))
	}
}

func (a *API) release(ctx context.Context, s *slip) {
	ctx, cancel := after(ctx)
	defer cancel()
	if err := a.receipts.release(ctx, s); err != nil {
		requestOf(ctx).log.Warn("a claim was not released", zap.Error(err))
	}
}

func newSlip(tenant string, c call) (slip, error) {
	body, err := json.Marshal(c.input)
	if err != nil {
		return slip{}, fmt.Errorf("hash a request: %w", err)
	}
	return slip{
		tenant: tenant, route: c.route, key: c.key, orderID: c.orderID,
		commandID: CommandID(tenant, c.route, c.key), requestHash: sha256.Sum256(body),
	}, nil
}

// CommandID names a command by who sent it, where to and with which key, and nothing else: so the same request has the
// same command in every process and at any time.
func CommandID(tenant, route, key string) string {
	hash := sha256.Sum256([]byte(tenant + "\x00" + route + "\x00" + key))
	return hex.EncodeToString(hash[:])
}

func orderPath(orderID string) string { return "/v1/orders/" + orderID }

func commandPath(orderID, key string) string {
	return "/v1/commands/" + orderID + "/" + url.PathEscape(key)
}
