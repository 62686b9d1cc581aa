package lookout_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orderly/internal/lookout"
)

// shelf is where what is looked for lies.
type shelf struct {
	mu     sync.Mutex
	values map[string]int
	failed bool
	looks  atomic.Int64
	most   int // keys in a look
}

func (s *shelf) find(_ context.Context, keys []string) (map[string]int, error) {
	s.looks.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = max(s.most, len(keys))
	if s.failed {
		s.failed = false
		return nil, errors.New("the connection is lost")
	}
	found := map[string]int{}
	for _, key := range keys {
		if value, there := s.values[key]; there {
			found[key] = value
		}
	}
	return found, nil
}

func (s *shelf) put(key string, value int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[key] = value
}

func TestAwait_ManyWait_AllAreLookedForTogetherUntilItIsEnough(t *testing.T) {
	t.Parallel()
	s := &shelf{values: map[string]int{"a": 1}, failed: true} // a look that fails is only one that finds nothing
	l := lookout.New(nil, s.find)
	var waiting sync.WaitGroup
	for range 20 {
		waiting.Go(func() {
			for key, want := range map[string]int{"a": 2, "b": 3} {
				if got, err := l.Await(t.Context(), key, func(v int) bool { return v >= want }); err != nil || got < want {
					t.Errorf("%s: got %d, %v; want %d", key, got, err, want)
				}
			}
		})
	}
	time.Sleep(10 * time.Millisecond)
	s.put("b", 3)
	s.put("a", 2)
	waiting.Wait()
	if s.most < 2 {
		t.Errorf("at most %d keys were looked for at a time", s.most)
	}
}

func TestAwait_ContextEnds_NobodyLooksAnyMore(t *testing.T) {
	t.Parallel()
	s := &shelf{values: map[string]int{}}
	l := lookout.New(nil, s.find)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := l.Await(ctx, "a", func(int) bool { return true }); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	time.Sleep(300 * time.Millisecond) // what had begun to look has ended
	before := s.looks.Load()
	time.Sleep(600 * time.Millisecond)
	if after := s.looks.Load(); after != before {
		t.Errorf("%d looks for nobody", after-before)
	}
}

func TestAwait_IsWoken(t *testing.T) {
	t.Parallel()
	s := &shelf{values: map[string]int{}}
	wake := make(chan struct{}) // whoever wakes knows that it was heard
	stopped := make(chan struct{})
	l := lookout.New(func() (<-chan struct{}, func()) { return wake, func() { close(stopped) } }, s.find)
	found := make(chan int, 1)
	go func() {
		value, _ := l.Await(t.Context(), "a", func(int) bool { return true })
		found <- value
	}()
	const wakes = 20
	for range wakes {
		select {
		case wake <- struct{}{}:
		case <-time.After(time.Minute):
			t.Fatal("nobody listens to the wake-ups")
		}
	}
	s.put("a", 7)
	if got := <-found; got != 7 {
		t.Errorf("got %d", got)
	}
	if looks := s.looks.Load(); looks < wakes {
		t.Errorf("%d looks after %d wake-ups", looks, wakes)
	}
	<-stopped // the subscription, when nobody waits any more
}
