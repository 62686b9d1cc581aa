package simulator

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// dueQueue hands out booking references when their time has come, earliest first. A reference is in it at most once
// by the way it is used: whoever got it out puts it back.
type dueQueue struct {
	mu    sync.Mutex
	items dueHeap
	wake  chan struct{}
}

type dueItem struct {
	at  time.Time
	ref string
}

func (q *dueQueue) init() { q.wake = make(chan struct{}, 1) }

// add puts ref in, to come out at the given time.
func (q *dueQueue) add(ref string, at time.Time) {
	q.mu.Lock()
	heap.Push(&q.items, dueItem{at: at, ref: ref})
	first := q.items[0].ref == ref
	q.mu.Unlock()

	if !first {
		return
	}

	select {
	case q.wake <- struct{}{}:
	default: // it is awake already
	}
}

// run hands out what is due until the context ends. Only one run may be under way.
func (q *dueQueue) run(ctx context.Context, out chan<- string) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()

	for {
		ref, wait := q.pop(time.Now())
		if ref != "" {
			select {
			case out <- ref:
				continue
			case <-ctx.Done():
				q.add(ref, time.Now()) // so that another run finds it

				return
			}
		}

		timer.Reset(wait)

		select {
		case <-timer.C:
		case <-q.wake:
		case <-ctx.Done():
			return
		}
	}
}

// pop returns what is due, or how long it takes until something is.
func (q *dueQueue) pop(now time.Time) (string, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()

	if len(q.items) == 0 {
		return "", time.Hour
	}

	if wait := q.items[0].at.Sub(now); wait > 0 {
		return "", wait
	}

	item, _ := heap.Pop(&q.items).(dueItem)

	return item.ref, 0
}

// dueHeap implements [heap.Interface].
type dueHeap []dueItem

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

func (h *dueHeap) Push(x any) {
	item, _ := x.(dueItem)
	*h = append(*h, item)
}

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	item := (*h)[last]
	(*h)[last] = dueItem{}
	*h = (*h)[:last]

	return item
}
