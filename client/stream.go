package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"
)

const (
	// maxSilence is how long a stream may be silent before it counts as broken: the API gives a sign of life every 15 s.
	maxSilence = 45 * time.Second
	// maxStreamed bounds an event of a stream.
	maxStreamed = 4 << 20
	eventStream = "text/event-stream"
)

// Following says which events are followed.
type Following struct {
	// OrderID is the order; empty for all orders of the key's tenant.
	OrderID string
	// After is the position of an event behind which to begin. Without it, an order is followed from its first event, and
	// all orders from now on; "0.0" is before the first event of all.
	After string
	// Types are the types of the events of all orders that are wanted; none for every type.
	Types []string
}

// StreamedEvent is an event of an order.
type StreamedEvent struct {
	OrderID string `json:"order_id"`
	Event
}

// Follow calls handle with events, one after the other, as they happen, until the context ends or handle fails. When the
// connection breaks, it comes again until there is one, and goes on behind the last event that was handled: so each is
// handled once while the program runs. Whoever keeps the position of the last one misses and repeats none over a restart
// either.
//
// Errors: handle's, the context's, a [*Problem] when the API refuses to stream, and what kept the first connection from
// coming about.
func Follow(ctx context.Context, api *ClientWithResponses, what Following, handle func(StreamedEvent) error) error {
	for connected := false; ; {
		response, err := what.connect(ctx, api)
		switch {
		case err == nil:
			connected = true
			stop, err := what.read(response.Body, handle)
			_ = response.Body.Close()
			if stop {
				return err
			}
		case !connected || refused(err):
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := rest(ctx, defaultFirstPause); err != nil {
			return err
		}
	}
}

// refused says whether an API that answered before will not, however often it is asked.
func refused(err error) bool {
	problem, ok := errors.AsType[*Problem](err)
	return ok && problem.Status < http.StatusInternalServerError && problem.Status != http.StatusTooManyRequests
}

// connect opens the stream behind After. Only Last-Event-ID is sent then: it goes before anything else.
func (f *Following) connect(ctx context.Context, api *ClientWithResponses) (*http.Response, error) {
	streaming := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Accept", eventStream)
		if f.After != "" {
			request.Header.Set("Last-Event-ID", f.After)
		}
		return nil
	}
	if f.OrderID != "" {
		return api.StreamOrder(ctx, f.OrderID, &StreamOrderParams{}, streaming)
	}
	params := &StreamEventsParams{}
	if types := strings.Join(f.Types, ","); types != "" {
		params.Types = &types
	}
	return api.StreamEvents(ctx, params, streaming)
}

// read handles the events of a connection until that breaks, and moves After on. It says when nothing more is to be read.
func (f *Following) read(body io.ReadCloser, handle func(StreamedEvent) error) (stop bool, err error) {
	silence := time.AfterFunc(maxSilence, func() { _ = body.Close() })
	defer silence.Stop()
	heard := heardReader{body, silence}
	for event, err := range sse.Read(heard, &sse.ReadConfig{MaxEventSize: maxStreamed}) {
		if err != nil {
			break
		}
		if event.Data == "" { // a sign of life, with the place that the stream has come to
			f.After = event.LastEventID
			continue
		}
		var streamed StreamedEvent
		if err := json.Unmarshal([]byte(event.Data), &streamed); err != nil {
			return true, fmt.Errorf("read the event %s: %w", event.LastEventID, err)
		}
		if err := handle(streamed); err != nil {
			return true, err
		}
		f.After = event.LastEventID
	}
	return false, nil
}

// heardReader puts the end of patience off whenever something comes.
type heardReader struct {
	from    io.Reader
	silence *time.Timer
}

// Read reads what comes.
func (r heardReader) Read(into []byte) (int, error) {
	n, err := r.from.Read(into)
	if n > 0 {
		r.silence.Reset(maxSilence)
	}
	return n, err
}
