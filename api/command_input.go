package api

import (
	"context"
	"net/http"
	"regexp"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"orderly/order"
)

// IdempotencyHeader is the header of everything that changes something. [API.needKey] checks it before huma does. Huma
// reads embedded structs only when their names are exported.
type IdempotencyHeader struct {
	IdempotencyKey string `header:"Idempotency-Key" required:"true" minLength:"1" maxLength:"255" doc:"Names the command: sending it again with the same key has its effect once and the same answer." example:"3f0c2f0e-order-1"`
}

// CommandHeaders are the headers of every command to an order.
type CommandHeaders struct {
	IdempotencyHeader

	IfMatch string `header:"If-Match" doc:"The version on which the command is based, quoted as in ETag. When the order has changed since, the answer is 412." example:"\"7\""`
}

// OnOrder is a command to an order that exists.
type OnOrder struct {
	OrderID string `path:"order_id" doc:"The order."`
	CommandHeaders
}

// needKey refuses commands without a proper Idempotency-Key.
func (a *API) needKey(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	keys := c.Request.Header.Values("Idempotency-Key")
	switch {
	case len(keys) == 0 || len(keys) == 1 && keys[0] == "":
		abort(c, newProblem(codeKeyMissing, "Send an Idempotency-Key with every command."))
	case len(keys) > 1 || !isIdempotencyKey(keys[0]):
		abort(c, newProblem(codeKeyInvalid, "An Idempotency-Key is 1 to 255 visible ASCII characters."))
	default:
		next(ctx)
	}
}

func isIdempotencyKey(key string) bool {
	for i := range len(key) {
		if key[i] < '!' || key[i] > '~' {
			return false
		}
	}
	return key != "" && len(key) <= 255
}

var (
	orderIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$`)
	partIDPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$`)
	versionPattern = regexp.MustCompile(`^"(0|[1-9][0-9]{0,8})"$`)
)

// isOrderID says whether an order can have this id.
func isOrderID(id string) bool { return orderIDPattern.MatchString(id) }

// expected reads If-Match; nil when any version will do.
func (h CommandHeaders) expected() (*int, error) {
	if h.IfMatch == "" || h.IfMatch == "*" {
		return nil, nil
	}
	match := versionPattern.FindStringSubmatch(h.IfMatch)
	if match == nil {
		return nil, invalid(Fault{"/If-Match", `must be one version in quotes, like "7"`})
	}
	version, err := strconv.Atoi(match[1])
	return &version, err
}

// performOn carries out a command to an order that exists. The order is read first, so that nothing is started or
// kept for an unknown one, or for somebody else's. Route is what stands behind the order's path.
func (a *API) performOn(ctx context.Context, in OnOrder, route string, input any, command order.Body, reason string) (*commandOutput, error) {
	expect, err := in.expected()
	if err != nil {
		return nil, err
	}
	if _, err := a.ownOrder(ctx, in.OrderID); err != nil {
		return nil, err
	}
	return a.perform(ctx, call{
		orderID: in.OrderID, route: "POST " + orderPath(in.OrderID) + route, key: in.IdempotencyKey, expect: expect,
		input: input, command: command, reason: reason, success: http.StatusOK,
	})
}

// ownOrder reads an order of the caller's from the stream. Somebody else's does not exist.
func (a *API) ownOrder(ctx context.Context, orderID string) (order.State, error) {
	if !isOrderID(orderID) {
		return order.State{}, order.ErrNotFound
	}
	state, err := a.journal.Load(ctx, orderID)
	if err != nil {
		return order.State{}, err
	}
	return own(ctx, state)
}

// own passes an order on only when it is the caller's.
func own(ctx context.Context, state order.State) (order.State, error) {
	if state.Tenant != tenantOf(ctx) {
		return order.State{}, order.ErrNotFound
	}
	return state, nil
}
