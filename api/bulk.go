package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"orderly/bulk"
	"orderly/orchestrator"
	"orderly/workflows"
)

// BulkFilter says which orders are meant; conditions add up.
type BulkFilter struct {
	Step       string   `json:"step,omitempty" maxLength:"100" doc:"Of a parked step." example:"BookShipment"`
	Code       string   `json:"code,omitempty" maxLength:"100" doc:"Of a parked step." example:"no_capacity"`
	Carrier    string   `json:"carrier,omitempty" maxLength:"100" doc:"Of the parcel of a parked step." example:"fedex"`
	Status     string   `json:"status,omitempty" enum:"created,paid,partially_shipped,shipped,delivered,closed,cancelling,cancelled"`
	CustomerID string   `json:"customer_id,omitempty" maxLength:"100"`
	OrderIDs   []string `json:"order_ids,omitempty" minItems:"1" maxItems:"1000"`
}

// BulkRequest asks for a command to all orders that match.
type BulkRequest struct {
	Command   string     `json:"command" enum:"retry,reroute,cancel" doc:"retry and reroute: each parked step that matches and allows it. cancel: each order that matches and is created or paid."`
	Filter    BulkFilter `json:"filter" doc:"At least one condition."`
	Carrier   string     `json:"carrier,omitempty" pattern:"^[a-z0-9][a-z0-9_-]{0,49}$" doc:"For reroute."`
	Warehouse string     `json:"warehouse,omitempty" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$" doc:"For reroute."`
	Reason    string     `json:"reason" minLength:"1" maxLength:"500" example:"fedex is back"`
	DryRun    bool       `json:"dry_run,omitempty" doc:"Only tell what matches."`
	Rate      int        `json:"rate,omitempty" minimum:"1" maximum:"500" default:"20" doc:"How many orders a second."`
}

// BulkOperation is an operation over many orders, and how far it is.
type BulkOperation struct {
	BulkID    string     `json:"bulk_id"`
	Command   string     `json:"command"`
	Filter    BulkFilter `json:"filter"`
	Carrier   string     `json:"carrier,omitempty"`
	Warehouse string     `json:"warehouse,omitempty"`
	Reason    string     `json:"reason"`
	DryRun    bool       `json:"dry_run"`
	Rate      int        `json:"rate"`
	StartedBy string     `json:"started_by"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	State     string     `json:"state" enum:"running,suspended,cancelled,completed"`
	bulk.Counts
	Results    []BulkResult `json:"results" doc:"A page of what became of each."`
	NextCursor string       `json:"next_cursor" doc:"Leads to the next page of results; empty on the last one."`
}

// BulkResult is what became of one order, or of one parked step.
type BulkResult struct {
	OrderID     string `json:"order_id"`
	AttentionID string `json:"attention_id,omitempty"`
	ShipmentID  string `json:"shipment_id,omitempty"`
	Status      string `json:"status" enum:"pending,done,refused,failed" doc:"refused: the rules say no. failed: the order could not be reached, in ten tries."`
	Version     *int   `json:"version,omitempty" doc:"The order's version after the command."`
	Detail      string `json:"detail,omitempty" doc:"Why it was refused, has failed, or was not reached the last time."`
}

type bulkInput struct {
	IdempotencyHeader
	Body BulkRequest
}

type bulkOutput struct {
	Status   int
	Location string `header:"Location"`
	Replayed string `header:"Idempotent-Replayed"`
	Body     BulkOperation
}

// startBulk writes an operation down and starts its workflow. Sent again it does neither twice.
func (a *API) startBulk(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	if faults := in.Body.check(); len(faults) > 0 {
		return nil, invalid(faults...)
	}
	body, err := json.Marshal(in.Body)
	if err != nil {
		return nil, fmt.Errorf("hash a request: %w", err)
	}
	hash := sha256.Sum256(body)
	r := in.Body
	o, began, err := a.bulk.Begin(ctx, bulk.Operation{
		ID: "blk_" + CommandID(tenantOf(ctx), "POST /v1/bulk", in.IdempotencyKey)[:32], Tenant: tenantOf(ctx), Command: r.Command,
		Filter: bulk.Filter(r.Filter), Carrier: r.Carrier, Warehouse: r.Warehouse, Reason: r.Reason, DryRun: r.DryRun, Rate: r.Rate,
		Actor: requestOf(ctx).principal.actor(),
	}, hash[:])
	if errors.Is(err, bulk.ErrKeyReused) {
		return nil, newProblem(codeKeyReused, "Take another Idempotency-Key for another request.")
	}
	if err != nil {
		return nil, &storeError{"begin a bulk operation", err}
	}
	if o.State == bulk.Running || o.State == bulk.Suspended {
		if err := a.runBulk(ctx, o.ID); err != nil {
			return nil, &orchestrator.UnavailableError{Err: err}
		}
	}
	shown, err := a.showBulk(ctx, o, "", Paging{Limit: bulkFirstPage})
	if err != nil {
		return nil, err
	}
	output := &bulkOutput{Status: http.StatusCreated, Location: "/v1/bulk/" + o.ID, Body: shown}
	if !began {
		output.Replayed = "true"
	}
	return output, nil
}

// bulkFirstPage is how many results the answer to a change shows.
const bulkFirstPage = 50

func (r BulkRequest) check() []Fault {
	var faults []Fault
	if bulk.Filter(r.Filter).Empty() {
		faults = append(faults, Fault{"/filter", "name at least one condition: an operation on everything is never meant"})
	}
	reroutes := r.Carrier != "" || r.Warehouse != ""
	if r.Command == bulk.Reroute && !reroutes {
		faults = append(faults, Fault{"/carrier", "name a carrier, or a warehouse, or both"})
	}
	if r.Command != bulk.Reroute && reroutes {
		faults = append(faults, Fault{"/carrier", "is for reroute"})
	}
	for i, id := range r.Filter.OrderIDs {
		if !isOrderID(id) {
			faults = append(faults, Fault{fmt.Sprintf("/filter/order_ids/%d", i), "is no id of an order"})
		}
	}
	return faults
}

// runBulk makes sure that the operation's workflow runs, and looks at the operation again.
func (a *API) runBulk(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := a.options.Temporal.SignalWithStartWorkflow(ctx, workflows.BulkWorkflowID(id), workflows.BulkChanged, nil, client.StartWorkflowOptions{
		TaskQueue: workflows.OrderTaskQueue, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary: "bulk operation " + id,
	}, workflows.BulkWorkflow, id)
	return err
}

type getBulkInput struct {
	BulkPath
	Status string `query:"status" enum:"pending,done,refused,failed" doc:"Only these results."`
	Paging
}

// BulkPath names an operation. Huma reads embedded structs only when their names are exported.
type BulkPath struct {
	BulkID string `path:"bulk_id" doc:"The operation."`
}

type changeBulkInput struct {
	BulkPath
	IdempotencyHeader
}

var bulkIDPattern = regexp.MustCompile(`^blk_[0-9a-f]{32}$`)

func (a *API) getBulk(ctx context.Context, in *getBulkInput) (*bulkOutput, error) {
	o, err := a.ownBulk(ctx, in.BulkID)
	if err != nil {
		return nil, err
	}
	shown, err := a.showBulk(ctx, o, in.Status, in.Paging)
	return &bulkOutput{Status: http.StatusOK, Body: shown}, err
}

func (a *API) ownBulk(ctx context.Context, id string) (bulk.Operation, error) {
	if !bulkIDPattern.MatchString(id) {
		return bulk.Operation{}, newProblem(codeNotFound, "There is no such operation.")
	}
	o, err := a.bulk.Get(ctx, tenantOf(ctx), id)
	if errors.Is(err, bulk.ErrNotFound) {
		return bulk.Operation{}, newProblem(codeNotFound, "There is no such operation.")
	}
	if err != nil {
		return bulk.Operation{}, &storeError{"read a bulk operation", err}
	}
	return o, nil
}

// changeBulk suspends, resumes or cancels an operation.
func (a *API) changeBulk(to bulk.State) func(context.Context, *changeBulkInput) (*bulkOutput, error) {
	return func(ctx context.Context, in *changeBulkInput) (*bulkOutput, error) {
		if _, err := a.ownBulk(ctx, in.BulkID); err != nil {
			return nil, err
		}
		o, err := a.bulk.Change(ctx, tenantOf(ctx), in.BulkID, to)
		if errors.Is(err, bulk.ErrOver) {
			return nil, newProblem(codeNotAllowed, "The operation is "+string(o.State)+".")
		}
		if err != nil {
			return nil, &storeError{"change a bulk operation", err}
		}
		err = a.options.Temporal.SignalWorkflow(ctx, workflows.BulkWorkflowID(o.ID), "", workflows.BulkChanged, nil)
		if _, gone := errors.AsType[*serviceerror.NotFound](err); gone && to == bulk.Running {
			err = a.runBulk(ctx, o.ID)
		} else if gone {
			err = nil
		}
		if err != nil {
			return nil, &orchestrator.UnavailableError{Err: err}
		}
		shown, err := a.showBulk(ctx, o, "", Paging{Limit: bulkFirstPage})
		return &bulkOutput{Status: http.StatusOK, Body: shown}, err
	}
}

// showBulk is an operation with a page of its results.
func (a *API) showBulk(ctx context.Context, o bulk.Operation, status string, page Paging) (BulkOperation, error) {
	afterOrder, afterAttention, _ := strings.Cut(page.Cursor, ".")
	if afterOrder != "" && !isOrderID(afterOrder) || afterAttention != "" && !partIDPattern.MatchString(afterAttention) {
		return BulkOperation{}, invalid(Fault{"/cursor", "is none that this list has given"})
	}
	targets, err := a.bulk.Targets(ctx, o.ID, status, afterOrder, afterAttention, page.Limit+1)
	if err != nil {
		return BulkOperation{}, &storeError{"list the results of a bulk operation", err}
	}
	shown := BulkOperation{
		BulkID: o.ID, Command: o.Command, Filter: BulkFilter(o.Filter), Carrier: o.Carrier, Warehouse: o.Warehouse, Reason: o.Reason, DryRun: o.DryRun,
		Rate: o.Rate, StartedBy: o.Actor.ID, StartedAt: o.StartedAt, EndedAt: o.EndedAt, State: string(o.State), Counts: o.Counts, Results: []BulkResult{},
	}
	if len(targets) > page.Limit {
		targets = targets[:page.Limit]
		last := targets[page.Limit-1]
		shown.NextCursor = last.OrderID + "." + last.AttentionID
	}
	for _, t := range targets {
		shown.Results = append(shown.Results, BulkResult(t))
	}
	return shown, nil
}
