package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"orderly/journal"
)

const (
	// deliverAtOnce bounds the attempts at one endpoint that are under way.
	deliverAtOnce = 8
	// pollEvery is how long a deliverer with nothing to do sleeps when nobody wakes it.
	pollEvery = time.Second
)

// Deliverer delivers what the Store has queued. It may be used for many endpoints at once, in many processes.
type Deliverer struct {
	store   *Store
	journal *journal.Journal
	http    *http.Client
	wake    func() (<-chan struct{}, func())
}

// NewDeliverer makes a Deliverer. Wake subscribes to what announces that more may be due; with nil it polls.
func NewDeliverer(store *Store, events *journal.Journal, client *http.Client, wake func() (<-chan struct{}, func())) *Deliverer {
	if wake == nil {
		wake = func() (<-chan struct{}, func()) { return nil, func() {} }
	}
	return &Deliverer{store: store, journal: events, http: client, wake: wake}
}

// Progress is how far the deliverer of an endpoint has come since it began.
type Progress struct {
	Delivered int `json:"delivered"`
	Failed    int `json:"failed"` // attempts
}

// Run delivers to an endpoint until the context ends, or the endpoint is disabled or deleted, which are no errors; enabled
// says whether it still is to be told. It reports after each turn; report may be nil.
func (d *Deliverer) Run(ctx context.Context, endpointID string, report func(Progress)) (enabled bool, err error) {
	if report == nil {
		report = func(Progress) {}
	}
	woken, stop := d.wake()
	defer stop()
	if err := d.store.forget(ctx, endpointID); err != nil {
		return true, leaving(ctx, err)
	}
	t := &turn{deliverer: d}
	for {
		t.endpoint, err = d.endpoint(ctx, endpointID)
		if err == nil && !t.endpoint.Enabled() {
			return false, nil
		}
		worked := false
		if err == nil {
			worked, err = t.work(ctx)
		}
		if err != nil {
			return true, leaving(ctx, err)
		}
		report(t.progress)
		if !worked {
			rest(ctx, woken)
		}
	}
}

// endpoint reads an endpoint; one that was deleted reads as disabled.
func (d *Deliverer) endpoint(ctx context.Context, id string) (Endpoint, error) {
	e, err := d.store.Get(ctx, "", id)
	if errors.Is(err, ErrNotFound) {
		return Endpoint{DisabledReason: "it was deleted"}, nil
	}
	return e, err
}

// leaving makes no error of one that comes of the context's end.
func leaving(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

func rest(ctx context.Context, woken <-chan struct{}) {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-woken:
	case <-timer.C:
	}
}

// turn is a round of attempts at an endpoint, each at another order.
type turn struct {
	deliverer *Deliverer
	endpoint  Endpoint

	mu       sync.Mutex
	progress Progress
}

// work attempts what is due, and says whether anything was.
func (t *turn) work(ctx context.Context) (bool, error) {
	due, err := t.deliverer.store.take(ctx, t.endpoint.ID, deliverAtOnce)
	if err != nil {
		return false, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, each := range due {
		group.Go(func() error { return t.attempt(ctx, each) })
	}
	return len(due) > 0, group.Wait()
}

func (t *turn) attempt(ctx context.Context, d Delivery) error {
	o, err := t.deliverer.attempt(ctx, t.endpoint, d)
	if err != nil {
		return err
	}
	t.mu.Lock()
	if o.delivered() {
		t.progress.Delivered++
	} else {
		t.progress.Failed++
	}
	t.mu.Unlock()
	if o.status == http.StatusGone {
		if err := t.deliverer.store.disable(ctx, t.endpoint.ID, "it answered 410 Gone"); err != nil {
			return err
		}
	}
	// What was answered is written down though the worker is told to stop.
	return t.deliverer.store.record(context.WithoutCancel(ctx), t.endpoint.ID, d, o)
}

// attempt sends an event. One that cannot be read counts as an attempt that failed: it holds up its own order alone.
func (d *Deliverer) attempt(ctx context.Context, e Endpoint, delivery Delivery) (outcome, error) {
	event, err := d.event(ctx, delivery)
	if err == nil {
		return d.send(ctx, e, delivery.ID, event)
	}
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	return outcome{detail: reason(err)}, nil
}

// event reads the event of a delivery as its tenant may see it.
func (d *Deliverer) event(ctx context.Context, delivery Delivery) (Event, error) {
	entries, err := d.journal.Events(ctx, delivery.OrderID, journal.Upcast)
	if err != nil {
		return Event{}, err
	}
	if delivery.Version > len(entries) || entries[delivery.Version-1].Version != delivery.Version {
		return Event{}, fmt.Errorf("order %s has no version %d", delivery.OrderID, delivery.Version)
	}
	return Event{OrderID: delivery.OrderID, Entry: entries[delivery.Version-1]}, nil
}
