package journal

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestAwaitPlaced_OnlyTheCommandThatHasPlacedTheOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, -1)
	told := make(chan error, 1)
	go func() { told <- w.book.AwaitPlaced(t.Context(), "ord_1", "cmd-1") }()
	result := w.must("ord_1", placed())
	if result.Version != Placed {
		t.Fatalf("placing led to version %d, not %d", result.Version, Placed)
	}
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	waiting, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if err := w.book.AwaitPlaced(waiting, "ord_1", "cmd-2"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command that has not placed the order: got %v", err)
	}
}
