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
	"orderly/workflows"
)

// routes is every route there is.
func (a *API) routes() {
	a.serviceRoutes()
	a.orderRoutes()
	a.returnRoutes()
	a.repairRoutes()
	a.bulkRoutes()
	a.readModelRoutes()
	a.liveRoutes()
	a.webhookRoutes()
	a.endpointRoutes()
	a.keyRoutes()
	a.customerRoutes()
	a.codecRoutes()
	a.sessionRoutes()
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
	all := get("get-order-events", "/v1/orders/{order_id}/events", "Read all that happened to an order")
	all.Responses = map[string]*huma.Response{"304": {Description: "Nothing has happened since the ETag of If-None-Match"}}
	query(a, all, a.getEvents)
	query(a, get("diff-order", "/v1/orders/{order_id}/diff", "Compare an order as it was at one time with what it was at another"), a.diffOrder)

	command(a, post("cancel-order", "/v1/orders/{order_id}/cancel", "Cancel an order and undo what it did"), mayCommand, a.cancel)
	command(a, post("hold-order", "/v1/orders/{order_id}/hold", "Stop an order"), mayCommand, a.hold)
	command(a, post("release-order", "/v1/orders/{order_id}/release", "Take a hold away"), mayCommand, a.releaseHold)
	command(a, post("amend-order", "/v1/orders/{order_id}/amend", "Change the quantities of an order"), mayCommand, a.amend)
	command(a, post("change-address", "/v1/orders/{order_id}/address", "Replace the address"), mayCommand, a.changeAddress)
	command(a, post("provide-payment-method", "/v1/orders/{order_id}/payment-method", "Replace a declined means of payment"), mayCommand, a.providePaymentMethod)
	command(a, post("respond", "/v1/orders/{order_id}/respond", "Answer what the customer was asked"), mayCommand, a.respond)
	command(a, post("add-note", "/v1/orders/{order_id}/notes", "Add a remark"), mayNote, a.addNote)
	ask := get("get-command", "/v1/commands/{order_id}/{idempotency_key}", "Ask what became of a command")
	ask.Errors = append(ask.Errors, http.StatusConflict) // what the command was refused with
	query(a, a.withPending(ask), a.getCommand)
}

// returnRoutes are about goods that come back.
func (a *API) returnRoutes() {
	command(a, post("request-return", "/v1/orders/{order_id}/returns", "Ask for delivered goods to be taken back"), mayCommand, a.requestReturn)
	command(a, post("approve-return", "/v1/orders/{order_id}/returns/{rma_id}/approve", "Let the customer send them"), mayOperate, a.approveReturn)
	command(a, post("reject-return", "/v1/orders/{order_id}/returns/{rma_id}/reject", "Do not take them back"), mayOperate, a.rejectReturn)
	command(a, post("receive-return", "/v1/orders/{order_id}/returns/{rma_id}/receive", "Say what came back, and how"), mayReceive, a.receiveReturn)
}

// repairRoutes are the work of operators.
func (a *API) repairRoutes() {
	command(a, post("retry-step", "/v1/orders/{order_id}/attention/{attention_id}/retry", "Start a parked step again"), mayOperate, a.retryStep)
	command(a, post("skip-step", "/v1/orders/{order_id}/attention/{attention_id}/skip", "Leave a parked step out"), maySkip, a.skipStep)
	command(a, post("resolve-step", "/v1/orders/{order_id}/attention/{attention_id}/resolve", "Say that a parked step was done by hand"), mayOperate, a.resolveStep)
	command(a, post("waive-compensation", "/v1/orders/{order_id}/attention/{attention_id}/waive", "Accept that something is not undone"), mayRefund, a.waiveCompensation)
	command(a, post("issue-refund", "/v1/orders/{order_id}/refunds", "Give the customer something back"), mayRefund, a.issueRefund)
	command(a, post("review-fraud", "/v1/orders/{order_id}/fraud-review", "Judge an order that is held for it"), mayReview, a.reviewFraud)
	command(a, post("reroute-shipment", "/v1/orders/{order_id}/shipments/{shipment_id}/reroute", "Send a parcel with another carrier, or from another warehouse"), mayReroute, a.rerouteShipment)
	query(a, get("list-attention", "/v1/attention", "List what waits for an operator, the oldest first"), a.listAttention)
}

// bulkRoutes are about many orders at once.
func (a *API) bulkRoutes() {
	begin := post("start-bulk", "/v1/bulk", "Give a command to all orders that match")
	begin.DefaultStatus = http.StatusCreated
	modify(a, begin, mayBulk, a.startBulk)
	query(a, get("get-bulk", "/v1/bulk/{bulk_id}", "Tell how far an operation over many orders is, and what became of each"), a.getBulk)
	modify(a, post("suspend-bulk", "/v1/bulk/{bulk_id}/suspend", "Stop an operation for a while"), mayBulk, a.changeBulk(bulk.Suspended))
	modify(a, post("resume-bulk", "/v1/bulk/{bulk_id}/resume", "Let a suspended operation go on"), mayBulk, a.changeBulk(bulk.Running))
	modify(a, post("cancel-bulk", "/v1/bulk/{bulk_id}/cancel", "End an operation; what was done stays"), mayBulk, a.changeBulk(bulk.Cancelled))
}

// readModelRoutes are about what is derived from all orders.
func (a *API) readModelRoutes() {
	query(a, get("list-shipments", "/v1/shipments", "List parcels"), a.listShipments)
	query(a, get("get-customer", "/v1/customers/{customer_id}", "Read what a customer has ordered, paid and got back"), a.getCustomer)
	query(a, get("get-status-counts", "/v1/stats/status", "Count the orders in each status at an instant"), a.getStatusCounts)
	query(a, get("get-status-history", "/v1/stats/status/history", "Count the orders in each status at the instants of a range"), a.getStatusHistory)
	query(a, get("get-status-intervals", "/v1/stats/status/intervals", "Tell how long orders were in the statuses that they left"), a.getStatusIntervals)
	query(a, get("get-sales", "/v1/stats/sales", "Read the sales by day, currency and channel"), a.getSales)
	query(a, get("get-delivery-times", "/v1/stats/delivery", "Tell how long parcels take, by carrier"), a.getDeliveryTimes)
	query(a, get("list-projections", "/v1/projections", "Tell how far each read model is"), a.listProjections)
	rebuild := post("rebuild-projection", "/v1/projections/{name}/rebuild", "Build a read model anew beside the one that is served")
	rebuild.DefaultStatus = http.StatusAccepted
	modify(a, rebuild, mayRebuild, a.rebuildProjection)
	pause := post("pause-projection", "/v1/projections/{name}/pause", "Stop a projection for a while; what is served stays as it is")
	pause.DefaultStatus = http.StatusAccepted
	modify(a, pause, mayRebuild, a.steerProjection(workflows.PauseProjection))
	resume := post("resume-projection", "/v1/projections/{name}/resume", "Let a paused projection go on where it was")
	resume.DefaultStatus = http.StatusAccepted
	modify(a, resume, mayRebuild, a.steerProjection(workflows.ResumeProjection))
	query(a, get("list-dead-letters", "/v1/projections/{name}/dead-letters", "List the events that could not be applied, and those behind them"), a.listDeadLetters)
	modify(a, post("retry-dead-letter", "/v1/projections/{name}/dead-letters/{id}/retry", "Apply the parked events of its order again"), mayRebuild, a.retryLetter)
	modify(a, post("skip-dead-letter", "/v1/projections/{name}/dead-letters/{id}/skip", "Leave an event out, and apply those behind it"), mayRebuild, a.skipLetter)
}

// liveRoutes tell what happens, as it happens.
func (a *API) liveRoutes() {
	streaming(a, get("stream-events", "/v1/stream", "Stream what happens to all orders"), a.streamEvents)
	streaming(a, get("stream-order", "/v1/orders/{order_id}/stream", "Stream what happens to an order, from its first event on"), a.streamOrder)
}

// webhookRoutes take what others tell.
func (a *API) webhookRoutes() {
	register(a, hook("record-carrier-update", "/v1/webhooks/carrier", "Take what a carrier says about a parcel", a.signed(a.carrierSignature())), a.recordCarrierUpdate)
	register(a, hook("record-stripe-event", "/v1/webhooks/stripe", "Take what Stripe did without being asked", a.signed(a.stripeSignature())), a.recordStripeEvent)
}

// keyRoutes are about API keys.
func (a *API) keyRoutes() {
	route(a, get("list-keys", "/v1/keys", "List the API keys"), mayKeys, a.listKeys)
	modify(a, post("create-key", "/v1/keys", "Make an API key; it is shown this once"), mayKeys, a.createKey)
	modify(a, post("rotate-key", "/v1/keys/{key_id}/rotate", "Replace an API key; the old one goes on being valid for a while"), mayKeys, a.rotateKey)
	revoke := operation(http.MethodDelete, "revoke-key", "/v1/keys/{key_id}", "Take an API key out of use", 404, 422)
	revoke.DefaultStatus = http.StatusNoContent
	route(a, revoke, mayKeys, a.revokeKey)
}

// customerRoutes are about customers, whatever they have ordered.
func (a *API) customerRoutes() {
	modify(a, post("erase-customer", "/v1/customers/{customer_id}/erase", "Forget a customer's personal data, for ever"), mayErase, a.eraseCustomer)
}

// sessionRoutes are for browsers: who they are, logging in with a key or at the identity provider, and logging out.
func (a *API) sessionRoutes() {
	register(a, get("get-session", "/session", "Tell who asks, and what they may do"), a.getSession)
	register(a, operation(http.MethodDelete, "log-out", "/session", "Log out"), a.logout)
	login := open(post("log-in-with-key", "/session/key", "Log in with an API key"))
	login.Middlewares = huma.Middlewares{a.strictBody}
	register(a, login, a.loginWithKey)
	begin := open(get("log-in", "/session/oidc", "Log in at the identity provider"))
	begin.DefaultStatus = http.StatusSeeOther
	register(a, begin, a.beginLogin)
	end := open(get("come-back", "/session/oidc/callback", "Come back from the identity provider"))
	end.DefaultStatus = http.StatusSeeOther
	register(a, end, a.endLogin)
}

// hook is a route whose caller signs instead of having a key.
func hook(id, path, summary string, signed func(huma.Context, func(huma.Context))) huma.Operation {
	op := post(id, path, summary)
	op.MaxBodyBytes = maxWebhook + 1
	op.Middlewares = huma.Middlewares{signed}
	return open(op)
}

func get(id, path, summary string) huma.Operation {
	return operation(http.MethodGet, id, path, summary, 404, 422)
}

func post(id, path, summary string) huma.Operation {
	return operation(http.MethodPost, id, path, summary, 400, 404, 408, 409, 412, 413, 415, 422)
}

func operation(method, id, path, summary string, statuses ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Errors: append(statuses, 401, 403, 429, 500, 503),
		// The body is read, within its limit and time, before huma sees it.
		MaxBodyBytes: maxBody + 1, BodyReadTimeout: -1,
		Security: credentials(),
	}
}

// credentials are what a caller may come with, and the permissions that are needed.
func credentials(permissions ...string) []map[string][]string {
	permissions = append([]string{}, permissions...) // not null
	return []map[string][]string{{"key": permissions}, {"session": permissions}, {"local_session": permissions}}
}

// open describes a route that needs no credential; [openRoutes] makes it one.
func open(op huma.Operation) huma.Operation {
	op.Security = []map[string][]string{}
	return op
}

// query registers a route that reads orders.
func query[I, O any](a *API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	route(a, op, mayRead, handler)
}

// streaming registers a route whose answer lasts.
func streaming[I any](a *API, op huma.Operation, handler func(context.Context, *I) (*huma.StreamResponse, error)) {
	query(a, a.describeStream(op), handler)
}

// route registers a route that is no command.
func route[I, O any](a *API, op huma.Operation, needs permission, handler func(context.Context, *I) (*O, error)) {
	a.needs(&op, needs)
	register(a, op, handler)
}

// modify registers a command to something else than one order.
func modify[I, O any](a *API, op huma.Operation, needs permission, handler func(context.Context, *I) (*O, error)) {
	a.needs(&op, needs, a.needKey, a.strictBody)
	register(a, op, handler)
}

// command registers a route that changes an order.
func command[I any](a *API, op huma.Operation, needs permission, handler func(context.Context, *I) (*commandOutput, error)) {
	a.needs(&op, needs, a.needKey, a.strictBody)
	register(a, a.withPending(op), handler)
}

// needs lets only those to a route who have a permission, before the other gates, and says so in the description.
func (a *API) needs(op *huma.Operation, what permission, gates ...func(huma.Context, func(huma.Context))) {
	op.Security = credentials(string(what))
	op.Middlewares = append(huma.Middlewares{a.permitted(what)}, gates...)
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
