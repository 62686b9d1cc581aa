package worker

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderly/activities"
	"orderly/order"
	"orderly/workflows"
)

// stopTimeout is how long a worker that is told to stop lets its activities finish.
const stopTimeout = 20 * time.Second

// Orders makes the worker of orders and their steps, of a release. It is started by the caller; fail is called when it cannot go on.
func Orders(temporal client.Client, orders *activities.Orders, release Release, fail context.CancelCauseFunc) worker.Worker {
	w := worker.New(temporal, workflows.OrderTaskQueue, worker.Options{
		WorkerStopTimeout: stopTimeout, DisableRegistrationAliasing: true, OnFatalError: fail, DeploymentOptions: release.options(),
		// An order spends its life waiting: many are cached, few work at a time.
		MaxConcurrentWorkflowTaskExecutionSize:  64,
		MaxConcurrentLocalActivityExecutionSize: 64,
		MaxConcurrentActivityExecutionSize:      64,
		MaxConcurrentWorkflowTaskPollers:        8,
		MaxConcurrentActivityTaskPollers:        4,
	})
	registerWorkflow(w, workflows.OrderWorkflow)
	w.RegisterActivityWithOptions(orders.Apply, activity.RegisterOptions{Name: workflows.ApplyActivity})
	w.RegisterActivityWithOptions(orders.Look, activity.RegisterOptions{Name: workflows.LookActivity})
	for name, step := range map[order.StepName]any{
		order.ScreenFraud: orders.ScreenFraud, order.ReserveStock: orders.ReserveStock,
		order.AuthorizePayment: orders.AuthorizePayment, order.CapturePayment: orders.CapturePayment,
		order.BookShipment: orders.BookShipment, order.CommitStock: orders.CommitStock,
		order.DiscardBooking: orders.DiscardBooking, order.CancelShipment: orders.CancelShipment,
		order.Notify:      orders.Notify,
		order.VoidPayment: orders.VoidPayment, order.RefundPayment: orders.RefundPayment, order.ReleaseStock: orders.ReleaseStock, order.RestockStock: orders.RestockStock,
	} {
		w.RegisterActivityWithOptions(step, activity.RegisterOptions{Name: string(name)})
	}
	return w
}

// registerWorkflow lets a worker run a workflow. There are no others than those of [workflows.Definitions].
func registerWorkflow(w worker.WorkflowRegistry, name string) {
	w.RegisterWorkflowWithOptions(workflows.Definitions()[name], workflow.RegisterOptions{Name: name})
}

// Projections makes the worker of projections, of a release. It is started by the caller; fail is called when it cannot go on.
func Projections(
	temporal client.Client, projector *activities.Projector, release Release, fail context.CancelCauseFunc,
) worker.Worker {
	w := worker.New(temporal, workflows.ProjectionTaskQueue, worker.Options{
		WorkerStopTimeout: stopTimeout, DisableRegistrationAliasing: true, OnFatalError: fail, DeploymentOptions: release.options(),
		MaxConcurrentWorkflowTaskPollers: 2, MaxConcurrentActivityTaskPollers: 2,
		// A projector is given up after five seconds of silence: its heartbeats must not be saved up for four of them.
		MaxHeartbeatThrottleInterval: time.Second,
	})
	registerWorkflow(w, workflows.ProjectionWorkflow)
	w.RegisterActivityWithOptions(projector.Project, activity.RegisterOptions{Name: workflows.ProjectActivity})
	w.RegisterActivityWithOptions(projector.MarkPaused, activity.RegisterOptions{Name: workflows.MarkPausedActivity})
	registerWorkflow(w, workflows.RebuildWorkflow)
	w.RegisterActivityWithOptions(projector.RebuildProjection, activity.RegisterOptions{Name: workflows.RebuildActivity})
	return w
}
