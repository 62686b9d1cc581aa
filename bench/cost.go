package bench

import (
	"context"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"orderly/workflows"
)

// temporalCost counts what a plain order costs Temporal: the events of its history, and the tasks among them. Nothing can go
// on with fewer workflow tasks than the order has messages, with the one that places it.
func temporalCost(ctx context.Context, through *orders) ([]Row, error) {
	const messages = 3
	id := newOrderID()
	if err := through.place(ctx, id); err != nil {
		return nil, err
	}
	workflow := workflows.OrderWorkflowID(id)
	if err := through.deliver(ctx, id); err != nil {
		return nil, err
	}
	events, tasks, activities := 0, 0, 0
	for all := through.Temporal.GetWorkflowHistory(ctx, workflow, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); all.HasNext(); events++ {
		event, err := all.Next()
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", workflow, err)
		}
		switch kind := event.GetEventType(); {
		case kind == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			tasks++
		case strings.HasPrefix(kind.String(), "ActivityTaskScheduled"):
			activities++
		}
	}
	count := func(name string, n int, baseline float64) Row {
		return newRow(name, "", 0, []float64{float64(n)}, []float64{baseline})
	}
	return []Row{
		count("history events of a plain order", events, messages),
		count("its workflow tasks / its messages", tasks, messages),
		count("its activity tasks / its messages", activities, messages),
	}, nil
}
