package simulator

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	deliverers   = 32
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 5 * time.Second
)

// Run moves parcels and delivers carrier webhooks until the context ends, and then waits for what is under way.
// A parcel is with one deliverer at a time, which keeps its webhooks in order.
func (s *Simulator) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()

	var (
		due     = make(chan string)
		workers sync.WaitGroup
		retries retries
	)

	for range deliverers {
		workers.Go(func() {
			for ref := range due {
				s.move(ctx, ref, &retries)
			}
		})
	}

	s.queue.run(ctx, due)
	close(due)
	workers.Wait()

	return nil
}

// schedule puts a parcel into the queue if anything will happen to it. The caller holds mu, or is New.
func (s *Simulator) schedule(p *parcel) {
	if _, ok := p.pending(); ok {
		s.queue.add(p.Ref, time.Now())
	} else if _, at, ok := p.next(s.opts.Transit); ok {
		s.queue.add(p.Ref, at)
	}
}

// move does one thing for a parcel: delivers its oldest pending event, after making one when it is time. Whatever
// goes wrong is tried again.
func (s *Simulator) move(ctx context.Context, ref string, tries *retries) {
	err := s.deliverNext(ctx, ref)
	if err != nil {
		wait := tries.failed(ref)
		s.queue.add(ref, time.Now().Add(wait))
		s.log.Log(levelOf(wait), "carrier webhook not delivered", zap.String("booking_ref", ref),
			zap.Duration("retry_in", wait), zap.Error(err))

		return
	}

	tries.forget(ref)
	s.mu.Lock()
	defer s.mu.Unlock()

	s.schedule(s.state.parcels[ref])
}

// levelOf warns once for a webhook that will not go through, just before the waits reach their maximum: a receiver
// that starts a moment late is not worth a line, one that knows another secret would never be noticed without.
func levelOf(wait time.Duration) zapcore.Level {
	if wait < maxBackoff && 2*wait >= maxBackoff {
		return zapcore.WarnLevel
	}

	return zapcore.DebugLevel
}

// deliverNext delivers the parcel's next event if there is one now, and records that it did.
func (s *Simulator) deliverNext(ctx context.Context, ref string) error {
	p, event, ok, err := s.advance(ref)
	if err != nil || !ok {
		return err
	}

	if err := s.sender.post(ctx, p, event); err != nil {
		return err
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	return s.record(record{Progress: &progress{Ref: ref, Delivered: event.ID}})
}

// advance returns the event that is to be delivered now and a copy of its parcel.
func (s *Simulator) advance(ref string) (p parcel, event carrierEvent, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	p = *s.state.parcels[ref]
	if event, ok := p.pending(); ok {
		return p, event, true, nil
	}

	status, at, ok := p.next(s.opts.Transit)
	if !ok || time.Now().Before(at) {
		return p, event, false, nil
	}

	event = p.newEvent(status, at)
	err = s.record(record{Progress: &progress{Ref: ref, Event: &event}})

	return p, event, err == nil, err
}

// retries remembers how long parcels have waited, only while something goes wrong.
type retries struct {
	mu   sync.Mutex
	last map[string]time.Duration
}

// failed returns how long to wait now: 200 ms, doubling up to 5 s.
func (r *retries) failed(ref string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()

	if r.last == nil {
		r.last = map[string]time.Duration{}
	}

	wait := min(max(2*r.last[ref], firstBackoff), maxBackoff)
	r.last[ref] = wait

	return wait
}

func (r *retries) forget(ref string) {
	r.mu.Lock()
	defer r.mu.Unlock()

	delete(r.last, ref)
}
