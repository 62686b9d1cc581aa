package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap/zaptest"

	"orderly/internal/config"
	"orderly/internal/testkit"
	"orderly/workflows"
)

// unanswered lets the first tries to make a schedule time out.
type unanswered struct {
	interceptor.ClientInterceptorBase
	interceptor.ClientOutboundInterceptorBase

	left atomic.Int32
}

func (u *unanswered) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	u.Next = next
	return u
}

func (u *unanswered) CreateSchedule(ctx context.Context, in *interceptor.ScheduleClientCreateInput) (client.ScheduleHandle, error) {
	if u.left.Add(-1) >= 0 {
		return nil, context.DeadlineExceeded
	}
	return u.Next.CreateSchedule(ctx, in)
}

func TestStartStanding_TemporalDoesNotAnswer_IsAskedAgain(t *testing.T) {
	t.Parallel()
	server := &unanswered{}
	server.left.Store(2)
	temporal, _ := testkit.Temporal(t, server)
	s := &service{
		config: config.Config{ReconcileEvery: time.Minute, ReconcileGrace: time.Minute},
		log:    zaptest.NewLogger(t), pool: testkit.Database(t), temporal: temporal,
	}
	if err := s.startStanding(t.Context(), roles{worker: true}); err != nil {
		t.Fatalf("the worker gave up: %v", err)
	}
	if _, err := temporal.ScheduleClient().GetHandle(t.Context(), workflows.ReconcileSchedule).Describe(t.Context()); err != nil {
		t.Errorf("the schedule: %v", err)
	}
}

func TestStartStanding_ToldToStopWhileItWaits_Ends(t *testing.T) {
	t.Parallel()
	server := &unanswered{}
	server.left.Store(1000)
	temporal, _ := testkit.Temporal(t, server)
	s := &service{config: config.Config{ReconcileEvery: time.Minute}, log: zaptest.NewLogger(t), pool: testkit.Database(t), temporal: temporal}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- s.startStanding(ctx, roles{worker: true}) }()
	for deadline := time.Now().Add(testkit.Patience); server.left.Load() == 1000; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no schedule was asked for")
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was told to stop", err)
	}
}
