package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"orderly/orchestrator"
	"orderly/order"
	"orderly/webhooks"
)

// NewWebhookEndpoint asks for events to be sent somewhere.
type NewWebhookEndpoint struct {
	URL         string   `json:"url" minLength:"1" maxLength:"2000" doc:"https; must be reachable from the internet." example:"https://shop.example.com/orderly"`
	EventTypes  []string `json:"event_types,omitempty" maxItems:"100" doc:"Which events; all when left out." example:"[\"OrderShipped\",\"OrderDelivered\"]"`
	Description string   `json:"description,omitempty" maxLength:"200"`
}

// WebhookEndpoint is where events are sent.
type WebhookEndpoint struct {
	EndpointID     string     `json:"endpoint_id"`
	URL            string     `json:"url"`
	EventTypes     []string   `json:"event_types" doc:"Empty: all."`
	Description    string     `json:"description"`
	Status         string     `json:"status" enum:"enabled,disabled"`
	DisabledReason string     `json:"disabled_reason,omitempty"`
	CreatedAt      time.Time  `json:"created_at"`
	Secret         string     `json:"secret,omitempty" doc:"whsec_...: what the webhooks are signed with. Shown when it was made, and never again."`
	OldSecretUntil *time.Time `json:"old_secret_until,omitempty" doc:"Until when the secret before the last rotation signs, too."`
}

// WebhookEndpointList is all endpoints, the oldest first.
type WebhookEndpointList struct {
	Endpoints []WebhookEndpoint `json:"endpoints"`
}

type newEndpointInput struct {
	CommandHeaders
	Body NewWebhookEndpoint
}

// EndpointPath names an endpoint. Huma reads embedded structs only when their names are exported.
type EndpointPath struct {
	EndpointID string `path:"endpoint_id" doc:"The endpoint."`
}

type endpointInput struct{ EndpointPath }

type changeEndpointInput struct {
	EndpointPath
	CommandHeaders
}

type endpointOutput struct {
	Location string `header:"Location"`
	Body     WebhookEndpoint
}

type endpointListOutput struct{ Body WebhookEndpointList }

// endpointRoutes are those of outgoing webhooks.
func (a *API) endpointRoutes() {
	const all, one = "/v1/webhook-endpoints", "/v1/webhook-endpoints/{endpoint_id}"
	create := post("create-webhook-endpoint", all, "Have events sent somewhere")
	create.DefaultStatus = http.StatusCreated
	modify(a, create, mayCommand, a.createEndpoint)
	query(a, get("list-webhook-endpoints", all, "List where events are sent"), a.listEndpoints)
	query(a, get("get-webhook-endpoint", one, "Read where events are sent"), a.getEndpoint)
	remove := operation(http.MethodDelete, "delete-webhook-endpoint", one, "Send nothing there any more", 404)
	route(a, remove, mayCommand, a.deleteEndpoint)
	modify(a, post("rotate-webhook-secret", one+"/rotate-secret", "Sign with another secret, and for a while with both"), mayCommand, a.rotateSecret)
	modify(a, post("enable-webhook-endpoint", one+"/enable", "Go on with an endpoint that was disabled"), mayCommand, a.enableEndpoint)
	query(a, get("list-webhook-deliveries", one+"/deliveries", "List what was sent, the latest first"), a.listDeliveries)
	modify(a, post("replay-webhook-delivery", one+"/deliveries/{delivery_id}/replay", "Send an event once more"), mayCommand, a.replayDelivery)
}

// createEndpoint makes an endpoint and starts its deliveries. Sent again it does neither twice.
func (a *API) createEndpoint(ctx context.Context, in *newEndpointInput) (*endpointOutput, error) {
	if faults := in.Body.check(a.options.AllowPrivateWebhooks); len(faults) > 0 {
		return nil, invalid(faults...)
	}
	body, err := json.Marshal(in.Body)
	if err != nil {
		return nil, fmt.Errorf("hash a request: %w", err)
	}
	hash := sha256.Sum256(body)
	endpoint, secret, err := a.options.Webhooks.Create(ctx, webhooks.Endpoint{
		ID: "whe_" + CommandID(tenantOf(ctx), "POST /v1/webhook-endpoints", in.IdempotencyKey)[:32], Tenant: tenantOf(ctx),
		URL: in.Body.URL, EventTypes: append([]string{}, in.Body.EventTypes...), Description: in.Body.Description,
	}, hash[:])
	if err != nil {
		return nil, endpointProblem("make a webhook endpoint", err)
	}
	if err := a.startDeliveries(ctx, endpoint); err != nil {
		return nil, err
	}
	output := &endpointOutput{Location: "/v1/webhook-endpoints/" + endpoint.ID, Body: viewEndpoint(endpoint)}
	output.Body.Secret = secret
	return output, nil
}

func (n NewWebhookEndpoint) check(allowPrivate bool) []Fault {
	var faults []Fault
	if err := webhooks.CheckURL(n.URL, allowPrivate); err != nil {
		faults = append(faults, Fault{"/url", err.Error()})
	}
	for i, each := range n.EventTypes {
		if !order.IsEventType(each) {
			faults = append(faults, Fault{"/event_types/" + strconv.Itoa(i), "is no type of event"})
		}
	}
	return faults
}

func (a *API) startDeliveries(ctx context.Context, endpoint webhooks.Endpoint) error {
	if !endpoint.Enabled() {
		return nil
	}
	if err := webhooks.Start(ctx, a.options.Temporal, endpoint.ID); err != nil {
		return &orchestrator.UnavailableError{Err: err}
	}
	return nil
}

func (a *API) listEndpoints(ctx context.Context, _ *struct{}) (*endpointListOutput, error) {
	all, err := a.options.Webhooks.List(ctx, tenantOf(ctx))
	if err != nil {
		return nil, endpointProblem("list webhook endpoints", err)
	}
	return &endpointListOutput{WebhookEndpointList{viewAll(all, viewEndpoint)}}, nil
}

func (a *API) getEndpoint(ctx context.Context, in *endpointInput) (*endpointOutput, error) {
	endpoint, err := a.ownEndpoint(ctx, in.EndpointID)
	if err != nil {
		return nil, err
	}
	return &endpointOutput{Body: viewEndpoint(endpoint)}, nil
}

func (a *API) deleteEndpoint(ctx context.Context, in *endpointInput) (*struct{}, error) {
	if _, err := a.ownEndpoint(ctx, in.EndpointID); err != nil {
		return nil, err
	}
	if err := a.options.Webhooks.Delete(ctx, tenantOf(ctx), in.EndpointID); err != nil {
		return nil, endpointProblem("delete a webhook endpoint", err)
	}
	return nil, nil
}

func (a *API) rotateSecret(ctx context.Context, in *changeEndpointInput) (*endpointOutput, error) {
	if _, err := a.ownEndpoint(ctx, in.EndpointID); err != nil {
		return nil, err
	}
	rotation := CommandID(tenantOf(ctx), "POST /v1/webhook-endpoints/"+in.EndpointID+"/rotate-secret", in.IdempotencyKey)
	endpoint, secret, err := a.options.Webhooks.Rotate(ctx, tenantOf(ctx), in.EndpointID, rotation)
	if err != nil {
		return nil, endpointProblem("rotate the secret of a webhook endpoint", err)
	}
	output := &endpointOutput{Body: viewEndpoint(endpoint)}
	output.Body.Secret = secret
	return output, nil
}

func (a *API) enableEndpoint(ctx context.Context, in *changeEndpointInput) (*endpointOutput, error) {
	if _, err := a.ownEndpoint(ctx, in.EndpointID); err != nil {
		return nil, err
	}
	endpoint, err := a.options.Webhooks.Enable(ctx, tenantOf(ctx), in.EndpointID)
	if err != nil {
		return nil, endpointProblem("enable a webhook endpoint", err)
	}
	if err := a.startDeliveries(ctx, endpoint); err != nil {
		return nil, err
	}
	return &endpointOutput{Body: viewEndpoint(endpoint)}, nil
}

var endpointIDPattern = regexp.MustCompile(`^whe_[0-9a-f]{32}$`)

// ownEndpoint reads an endpoint of the caller's. Somebody else's does not exist.
func (a *API) ownEndpoint(ctx context.Context, id string) (webhooks.Endpoint, error) {
	if !endpointIDPattern.MatchString(id) {
		return webhooks.Endpoint{}, endpointProblem("", webhooks.ErrNotFound)
	}
	endpoint, err := a.options.Webhooks.Get(ctx, tenantOf(ctx), id)
	if err != nil {
		return webhooks.Endpoint{}, endpointProblem("read a webhook endpoint", err)
	}
	return endpoint, nil
}

// endpointProblem is what the client is told of an error of the store of endpoints.
func endpointProblem(doing string, err error) error {
	switch {
	case errors.Is(err, webhooks.ErrNotFound):
		return newProblem(codeNotFound, "There is no such webhook endpoint, or delivery.")
	case errors.Is(err, webhooks.ErrKeyReused):
		return newProblem(codeKeyReused, "Take another Idempotency-Key for another request.")
	case errors.Is(err, webhooks.ErrTooMany):
		return newProblem(codeNotAllowed, "There are 20 webhook endpoints already: delete one that is not needed.")
	default:
		return &storeError{doing, err}
	}
}

func viewEndpoint(e webhooks.Endpoint) WebhookEndpoint {
	status := "enabled"
	if !e.Enabled() {
		status = "disabled"
	}
	return WebhookEndpoint{
		EndpointID: e.ID, URL: e.URL, EventTypes: e.EventTypes, Description: e.Description, Status: status,
		DisabledReason: e.DisabledReason, CreatedAt: e.CreatedAt, OldSecretUntil: e.PreviousUntil,
	}
}
