package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"orderly/bulk"
)

// routes is every route there is.
func (a *API) routes() {
	a.serviceRoutes()
	a.orderRoutes()
	a.returnRoutes()
	a.repairRoutes()
	a.bulkRoutes()
	a.readModelRoutes()
	a.webhookRoutes()
}

// serviceRoutes are about the service itself.
func (a *API) serviceRoutes() {
	a.engine.GET("/livez", a.live)
	a.engine.GET("/readyz", a.ready)
	a.engine.GET("/openapi.json", a.openAPI)
	a.engine.GET("/docs", a.docs)
	a.engine.GET("/docs/*asset", a.docsAsset)
	a.engine.GET("/metrics", a.permittedTo(mayMonitor), gin.WrapH(metricsHandler(a.options.Metrics)))
}

// orderRoutes read orders, and take what a customer or a shop asks of them.
func (a *API) orderRoutes() {
	place := post("place-order", "/v1/orders", "Place an order")
	place.DefaultStatus = http.StatusCreated
	command(a, place, mayCommand, a.placeOrder)
	query(a, get("list-orders", "/v1/orders", "List orders"), a.listOrders)
	one := get("get-order", "/v1/orders/{order_id}", "Read an order, now or as it was")
	one.Responses = map[string]*huma.Response{"304": {Description: "The order still has the ETag of If-None-Match"}}
	query(a, one, a.getOrder)
	query(a, get("get-order-events", "/v1/orders/{order_id}/events", "Read all that happened to an order"), a.getEvents)

	command(a, post("cancel-order", "/v1/orders/{order_id}/cancel", "Cancel an order and undo what it did"), mayCommand, a.cancel)
	command(a, post("hold-order", "/v1/orders/{order_id}/hold", "Stop an order"), mayCommand, a.hold)
	command(a, post("release-order", "/v1/orders/{order_id}/release", "Take a hold away"), mayCommand, a.releaseHold)
	command(a, post("amend-order", "/v1/orders/{order_id}/amend", "Change the quantities of an order"), mayCommand, a.amend)
	command(a, post("change-address", "/v1/orders/{order_id}/address", "Replace the address"), mayCommand, a.changeAddress)
	command(a, post("provide-payment-method", "/v1/orders/{order_id}/payment-method", "Replace a declined means of payment"), mayCommand, a.providePaymentMethod)
	command(a, post("respond", "/v1/orders/{order_id}/respond", "Answer what the customer was asked"), mayCommand, a.respond)
	command(a, post("add-note", "/v1/orders/{order_id}/notes", "Add a remark"), mayCommand, a.addNote)
	query(a, a.withPending(get("get-command", "/v1/commands/{order_id}/{idempotency_key}", "Ask what became of a command")), a.getCommand)
}

// returnRoutes are about goods that come back.
func (a *API) returnRoutes() {
	command(a, post("request-return", "/v1/orders/{order_id}/returns", "Ask for delivered goods to be taken back"), mayCommand, a.requestReturn)
	command(a, post("approve-return", "/v1/orders/{order_id}/returns/{rma_id}/approve", "Let the customer send them"), mayOperate, a.approveReturn)
	command(a, post("reject-return", "/v1/orders/{order_id}/returns/{rma_id}/reject", "Do not take them back"), mayOperate, a.rejectReturn)
	command(a, post("receive-return", "/v1/orders/{order_id}/returns/{rma_id}/receive", "Say what came back, and how"), mayOperate, a.receiveReturn)
}

// repairRoutes are the work of operators.
func (a *API) repairRoutes() {
	command(a, post("retry-step", "/v1/orders/{order_id}/attention/{attention_id}/retry", "Start a parked step again"), mayOperate, a.retryStep)
	command(a, post("skip-step", "/v1/orders/{order_id}/attention/{attention_id}/skip", "Leave a parked step out"), mayOperate, a.skipStep)
	command(a, post("resolve-step", "/v1/orders/{order_id}/attention/{attention_id}/resolve", "Say that a parked step was done by hand"), mayOperate, a.resolveStep)
	command(a, post("waive-compensation", "/v1/orders/{order_id}/attention/{attention_id}/waive", "Accept that something is not undone"), mayOperate, a.waiveCompensation)
	command(a, post("issue-refund", "/v1/orders/{order_id}/refunds", "Give the customer something back"), mayOperate, a.issueRefund)
	command(a, post("review-fraud", "/v1/orders/{order_id}/fraud-review", "Judge an order that is held for it"), mayOperate, a.reviewFraud)
	command(a, post("reroute-shipment", "/v1/orders/{order_id}/shipments/{shipment_id}/reroute", "Send a parcel with another carrier, or from another warehouse"), mayOperate, a.rerouteShipment)
	query(a, get("list-attention", "/v1/attention", "List what waits for an operator, the oldest first"), a.listAttention)
}

// bulkRoutes are about many orders at once.
func (a *API) bulkRoutes() {
	begin := post("start-bulk", "/v1/bulk", "Give a command to all orders that match")
	begin.DefaultStatus = http.StatusCreated
	operate(a, begin, a.startBulk)
	query(a, get("get-bulk", "/v1/bulk/{bulk_id}", "Tell how far an operation over many orders is, and what became of each"), a.getBulk)
	operate(a, post("suspend-bulk", "/v1/bulk/{bulk_id}/suspend", "Stop an operation for a while"), a.changeBulk(bulk.Suspended))
	operate(a, post("resume-bulk", "/v1/bulk/{bulk_id}/resume", "Let a suspended operation go on"), a.changeBulk(bulk.Running))
	operate(a, post("cancel-bulk", "/v1/bulk/{bulk_id}/cancel", "End an operation; what was done stays"), a.changeBulk(bulk.Cancelled))
}

// readModelRoutes are about what is derived from all orders.
func (a *API) readModelRoutes() {
	query(a, get("list-projections", "/v1/projections", "Tell how far each read model is"), a.listProjections)
}

// webhookRoutes take what others tell.
func (a *API) webhookRoutes() {
	register(a, hook("record-carrier-update", "/v1/webhooks/carrier", "Take what a carrier says about a parcel", a.carrierSignature()), a.recordCarrierUpdate)
	register(a, hook("record-stripe-event", "/v1/webhooks/stripe", "Take what Stripe did without being asked", a.stripeSignature()), a.recordStripeEvent)
}

// hook is a route whose caller signs instead of having a key.
func hook(id, path, summary string, by signature) huma.Operation {
	op := post(id, path, summary)
	op.MaxBodyBytes = maxWebhook + 1
	op.Middlewares = huma.Middlewares{signed(by)}
	op.Security = []map[string][]string{}
	return op
}

func get(id, path, summary string) huma.Operation {
	return operation(http.MethodGet, id, path, summary, 404, 422)
}

func post(id, path, summary string) huma.Operation {
	return operation(http.MethodPost, id, path, summary, 400, 404, 409, 412, 413, 415, 422, 429)
}

func operation(method, id, path, summary string, statuses ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Errors: append(statuses, 401, 403, 500, 503),
		// The body is read, within its limit and time, before huma sees it.
		MaxBodyBytes: maxBody + 1, BodyReadTimeout: -1,
		Security: []map[string][]string{{"key": {}}},
	}
}

// query registers a route that reads.
func query[I, O any](a *API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	op.Middlewares = huma.Middlewares{a.permitted(mayRead)}
	register(a, op, handler)
}

// operate registers a route that changes something else than one order, for operators.
func operate[I, O any](a *API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	op.Middlewares = huma.Middlewares{a.permitted(mayOperate), a.needKey, a.strictBody}
	register(a, op, handler)
}

// command registers a route that changes an order.
func command[I any](a *API, op huma.Operation, needs permission, handler func(context.Context, *I) (*commandOutput, error)) {
	op.Middlewares = huma.Middlewares{a.permitted(needs), a.needKey, a.strictBody}
	register(a, a.withPending(op), handler)
}

// withPending describes the answers of a command, whose type can be the order or that it is under way.
func (a *API) withPending(op huma.Operation) huma.Operation {
	success := http.StatusOK
	if op.DefaultStatus != 0 {
		success = op.DefaultStatus
	}
	schemas := a.huma.OpenAPI().Components.Schemas
	answer := func(body reflect.Type, description string) *huma.Response {
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemas.Schema(body, true, "")},
		}}
	}
	op.Responses = map[string]*huma.Response{
		strconv.Itoa(success): answer(reflect.TypeFor[Order](), "The order after the command"),
		"202":                 answer(reflect.TypeFor[PendingCommand](), "The command is under way; ask at Location"),
	}
	return op
}

// register hands a route to huma, and makes a problem of every error.
func register[I, O any](a *API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		output, err := handler(ctx, in)
		if err == nil {
			return output, nil
		}
		problem := a.problem(err)
		if problem.TraceID == "" {
			problem.TraceID = requestOf(ctx).traceID
		}
		requestOf(ctx).cause = problem.cause
		return nil, problem
	})
}

func (a *API) permitted(what permission) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if problem := require(ctx.Context(), what); problem != nil {
			abort(humagin.Unwrap(ctx), problem)
			return
		}
		next(ctx)
	}
}

func (a *API) permittedTo(what permission) gin.HandlerFunc {
	return func(c *gin.Context) {
		if problem := require(c.Request.Context(), what); problem != nil {
			abort(c, problem)
		}
	}
}
