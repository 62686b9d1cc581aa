package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// retention is how long closed workflows can still be looked at.
	retention = 72 * time.Hour

	readyTimeout  = 30 * time.Second
	retryInterval = 20 * time.Millisecond
)

// registerNamespaces registers those namespaces that do not exist, and returns when the server serves workflows in them.
// The services come up independently, so both need a few tries.
func registerNamespaces(ctx context.Context, address string, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// By default a refused connection is tried again only a second later.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: retryInterval, Multiplier: 1, MaxDelay: retryInterval},
		}),
	)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()

	frontend := workflowservice.NewWorkflowServiceClient(conn)
	for _, name := range names {
		if err := untilDone(ctx, func() error { return register(ctx, frontend, name) }); err != nil {
			return fmt.Errorf("register namespace %s: %w", name, err)
		}
		if err := untilDone(ctx, func() error { return probe(ctx, frontend, name) }); err != nil {
			return fmt.Errorf("wait for namespace %s: %w", name, err)
		}
	}
	return nil
}

func register(ctx context.Context, frontend workflowservice.WorkflowServiceClient, name string) error {
	_, err := frontend.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        name,
		WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	var exists *serviceerror.NamespaceAlreadyExists
	if errors.As(serviceerror.FromStatus(status.Convert(err)), &exists) {
		return nil
	}
	return err
}

// probe asks for a workflow that does not exist: that the history service can say so means that it is ready.
func probe(ctx context.Context, frontend workflowservice.WorkflowServiceClient, name string) error {
	_, err := frontend.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: name,
		Execution: &commonpb.WorkflowExecution{WorkflowId: "devstack-probe"},
	})
	var notFound *serviceerror.NotFound
	if errors.As(serviceerror.FromStatus(status.Convert(err)), &notFound) {
		return nil
	}
	return err
}

func untilDone(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retryInterval):
		}
	}
}
