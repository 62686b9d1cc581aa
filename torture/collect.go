package torture

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/workflowservice/v1"

	"orderly/journal"
	"orderly/order"
	"orderly/workflows"
)

// collect gathers the facts from everywhere.
func (r *run) collect(ctx context.Context) (facts Facts, err error) {
	facts = Facts{Streams: map[string]Stream{}, Carried: map[string]string{}}
	facts.Delivered, _ = r.follower.soFar()
	r.load.mu.Lock()
	facts.Sent = append(facts.Sent, r.load.sent...)
	r.load.mu.Unlock()
	if err := r.readStreams(ctx, &facts); err != nil {
		return facts, err
	}
	for name, ledger := range map[string]*[]Entry{"payments": &facts.Payments, "stock": &facts.Stock, "shipments": &facts.Parcels} {
		if err := r.client.get(ctx, r.client.simulatorURL+"/ledger/"+name, ledger); err != nil {
			return facts, err
		}
	}
	if err := r.askCarriers(ctx, &facts); err != nil {
		return facts, err
	}
	if err := r.askTemporal(ctx, &facts); err != nil {
		return facts, err
	}
	facts.Now = time.Now()
	if err := r.askCounts(ctx, &facts); err != nil {
		return facts, err
	}
	facts.Verified, err = r.verify(ctx)
	return facts, err
}

// sampledInstants is at how many instants the orders in each status are counted.
const sampledInstants = 30

// askCounts asks how many orders were in each status at instants at which an order came to one, spread over the run.
func (r *run) askCounts(ctx context.Context, facts *Facts) error {
	var instants []time.Time
	for _, stream := range facts.Streams {
		for _, entered := range stream.Entered {
			if !entered.At.After(facts.Now) { // a clock that jumped ahead
				instants = append(instants, entered.At)
			}
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	for i := 0; i < len(instants); i += len(instants)/sampledInstants + 1 {
		var counted Counted
		url := r.client.url + "/v1/stats/status?at=" + instants[i].UTC().Format(time.RFC3339Nano)
		if err := r.client.get(ctx, url, &counted); err != nil {
			return err
		}
		facts.Counted = append(facts.Counted, counted)
	}
	return nil
}

func (r *run) readStreams(ctx context.Context, facts *Facts) error {
	rows, err := r.pool.Query(ctx, `SELECT DISTINCT order_id FROM order_events`)
	if err != nil {
		return fmt.Errorf("list the streams: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list the streams: %w", err)
	}
	for _, id := range ids {
		if facts.Streams[id], err = r.readStream(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) readStream(ctx context.Context, id string) (Stream, error) {
	stored, _, err := r.store.Load(ctx, id)
	if err != nil {
		return Stream{}, fmt.Errorf("load %s: %w", id, err)
	}
	recorded, err := journal.Decode(stored)
	if err != nil {
		return Stream{}, err
	}
	stream := Stream{State: order.State{OrderID: id}}
	for i := range recorded {
		before := stream.State.Status
		stream.State = order.FoldOnto(stream.State, recorded[i:i+1])
		if after := stream.State.Status; after != before {
			stream.Entered = append(stream.Entered, Entered{recorded[i].At, after})
		}
	}
	stream.Plan = order.PlanFor(stream.State, r.settings.Policy)
	for _, event := range stored {
		var metadata journal.Metadata
		if err := json.Unmarshal(event.Metadata, &metadata); err != nil {
			return Stream{}, fmt.Errorf("%s at version %d: %w", id, event.Version, err)
		}
		stream.Events = append(stream.Events, Event{
			Version: event.Version, Type: event.Type, CommandID: metadata.CommandID, Source: metadata.Source,
		})
	}
	return stream, nil
}

func (r *run) askCarriers(ctx context.Context, facts *Facts) error {
	var parcels []struct {
		ShipmentID string `json:"shipment_id"`
		Status     string `json:"status"`
	}
	if err := r.client.get(ctx, r.client.simulatorURL+"/shipments", &parcels); err != nil {
		return err
	}
	for _, parcel := range parcels {
		if parcel.Status != "cancelled" {
			facts.Carried[parcel.ShipmentID] = parcel.Status
		}
	}
	return nil
}

// failingAfter is how many tries of a workflow task are no accident any more.
const failingAfter = 3

// askTemporal finds the workflows that run, and those that cannot go on.
func (r *run) askTemporal(ctx context.Context, facts *Facts) error {
	facts.Running, facts.Failing = map[string]int{}, map[string]string{}
	var page []byte
	for {
		answer, err := r.stack.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: r.stack.namespace, Query: "ExecutionStatus = 'Running'", PageSize: 500, NextPageToken: page,
		})
		if err != nil {
			return fmt.Errorf("list the workflows: %w", err)
		}
		for _, execution := range answer.GetExecutions() {
			id := execution.GetExecution().GetWorkflowId()
			if execution.GetType().GetName() == workflows.OrderWorkflow {
				facts.Running[strings.TrimPrefix(id, "order-")]++
			}
			described, err := r.stack.client.DescribeWorkflowExecution(ctx, id, execution.GetExecution().GetRunId())
			if err != nil {
				return fmt.Errorf("describe %s: %w", id, err)
			}
			if attempt := described.GetPendingWorkflowTask().GetAttempt(); attempt > failingAfter {
				facts.Failing[strings.TrimPrefix(id, "order-")] = fmt.Sprintf("its workflow task is at attempt %d", attempt)
			}
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return errors.Join(r.readLog("worker", facts), r.readLog("projector", facts))
		}
	}
}

// nondeterminism is how the SDK marks the errors of replays that went another way.
const nondeterminism = "TMPRL1100"

// readLog looks for nondeterminism in the log of a role that runs workflows.
func (r *run) readLog(role string, facts *Facts) error {
	log, err := os.Open(filepath.Join(r.dir, role+".log"))
	if err != nil {
		return fmt.Errorf("read the log of the %s: %w", role, err)
	}
	defer func() { _ = log.Close() }()
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if strings.Contains(line, nondeterminism) {
			var said struct {
				WorkflowID string `json:"WorkflowID"` //nolint:tagliatelle // as Temporal's SDK logs it
				Error      string `json:"Error"`      //nolint:tagliatelle
			}
			_ = json.Unmarshal([]byte(line), &said) // a torn line is a finding, too
			facts.Failing[strings.TrimPrefix(said.WorkflowID, "order-")] = said.Error
		}
		if err != nil {
			return nil // the end
		}
	}
}

// verify runs `orderly verify` over everything.
func (r *run) verify(ctx context.Context) ([]VerifyFault, error) {
	output, err := r.tool(ctx, "verify", "--all", "--read-models", "--output", "json")
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitFault) {
		return nil, fmt.Errorf("verify: %w: %s", err, output)
	}
	var report struct {
		Faults []VerifyFault `json:"faults"`
	}
	if err := json.Unmarshal(output, &report); err != nil {
		return nil, fmt.Errorf("verify: %w: %s", err, output)
	}
	return report.Faults, nil
}

// exitFault is the exit status of tools that have found a fault.
const exitFault = 3

// tool runs this program, past the proxies, and gives its standard output.
func (r *run) tool(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, r.system.program, args...)
	cmd.Env = r.settings.Env
	return cmd.Output()
}
