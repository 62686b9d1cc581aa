// Package lookout lets many wait for what will be in the database, and looks for all of them together.
package lookout

import (
	"context"
	"sync"
	"time"
)

const (
	// lookEvery is how often those who wait are looked for without an announcement: one can get lost.
	lookEvery = 250 * time.Millisecond
	// lookWithin bounds a look; the next one may be luckier.
	lookWithin = 2 * time.Second
)

// Find looks for keys, which may come more than once, and gives those that are there: one round trip.
type Find[K comparable, V any] func(ctx context.Context, keys []K) (map[K]V, error)

// Lookout looks for those who wait. While there are any, one goroutine does so for all of them.
type Lookout[K comparable, V any] struct {
	find      Find[K, V]
	subscribe func() (<-chan struct{}, func())

	mu      sync.Mutex
	all     map[*waiter[K, V]]struct{}
	looking bool
	joined  chan struct{}
}

// waiter waits until what is found for a key is enough; then that comes.
type waiter[K comparable, V any] struct {
	key    K
	enough func(V) bool
	found  chan V
}

// New makes a Lookout. Subscribe gives what wakes it; with nil it looks a few times a second.
func New[K comparable, V any](subscribe func() (<-chan struct{}, func()), find Find[K, V]) *Lookout[K, V] {
	return &Lookout[K, V]{find: find, subscribe: subscribe, all: map[*waiter[K, V]]struct{}{}, joined: make(chan struct{}, 1)}
}

// Await waits until what is found for a key is enough, and gives it. Errors: the context's.
func (l *Lookout[K, V]) Await(ctx context.Context, key K, enough func(V) bool) (V, error) {
	w := l.join(key, enough)
	select {
	case <-ctx.Done():
		l.leave(w)
		var none V
		return none, ctx.Err()
	case found := <-w.found:
		return found, nil
	}
}

func (l *Lookout[K, V]) join(key K, enough func(V) bool) *waiter[K, V] {
	w := &waiter[K, V]{key: key, enough: enough, found: make(chan V, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[w] = struct{}{}
	if !l.looking {
		l.looking = true
		go l.look()
	}
	select {
	case l.joined <- struct{}{}: // what it waits for may have come just before
	default:
	}
	return w
}

func (l *Lookout[K, V]) leave(w *waiter[K, V]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, w)
}

// look looks for those who wait after each announcement, as long as there are any.
func (l *Lookout[K, V]) look() {
	var wake <-chan struct{}
	if l.subscribe != nil {
		heard, stop := l.subscribe()
		defer stop()
		wake = heard
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.joined:
		case <-wake:
		case <-tick.C:
		}
		keys := l.keys()
		if keys == nil {
			return
		}
		l.tell(keys)
	}
}

// keys are what is waited for. When there is nothing, the looking ends.
func (l *Lookout[K, V]) keys() []K {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		l.looking = false
		return nil
	}
	keys := make([]K, 0, len(l.all))
	for w := range l.all {
		keys = append(keys, w.key)
	}
	return keys
}

func (l *Lookout[K, V]) tell(keys []K) {
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	found, err := l.find(ctx, keys)
	if err != nil {
		return // they wait on, and are told why when they ask themselves
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.all {
		if value, there := found[w.key]; there && w.enough(value) {
			w.found <- value
			delete(l.all, w)
		}
	}
}
