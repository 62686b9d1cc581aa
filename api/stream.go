package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"orderly/eventstore"
	"orderly/live"
	"orderly/order"
)

const (
	// pulseEvery is how often a stream shows that it lives, and how far it has come. Whoever asked is asked again then.
	pulseEvery = 15 * time.Second
	// writeWithin is how long a client may take what it is sent: then it is cut off.
	writeWithin = 10 * time.Second
	// comeAgain is after how long a client connects again.
	comeAgain = time.Second
	// maxStreams is how many clients a process streams to at once: each has a connection and a buffer.
	maxStreams = 1000
)

// streamRoutes are those whose answers last for as long as the client stays.
var streamRoutes = map[string]bool{"/v1/stream": true, "/v1/orders/:order_id/stream": true}

type streamInput struct {
	After       string `query:"after" doc:"The place in the feed behind which to begin, 0.0 for its beginning; without it the stream begins with what happens from now on. Last-Event-ID goes before it."`
	Types       string `query:"types" doc:"Only events of these types, with commas between them." example:"OrderCreated,PaymentReceived"`
	LastEventID string `header:"Last-Event-ID" doc:"The id of the last event that the client has: the stream goes on behind it."`
}

// streamEvents streams the events of all orders that the caller may see.
func (a *API) streamEvents(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	types, err := readTypes(in.Types)
	if err != nil {
		return nil, err
	}
	after, given, err := placeIn(in.LastEventID, in.After)
	if err != nil {
		return nil, err
	}
	if !given {
		if after, err = a.options.Live.Now(ctx); err != nil {
			return nil, err
		}
	}
	tenant := tenantOf(ctx)
	return a.stream(func(ctx context.Context) *live.Stream {
		return a.options.Live.Follow(ctx, after, func(m live.Message) bool {
			return (tenant == "" || m.Tenant == tenant) && (len(types) == 0 || types[m.Type])
		})
	})
}

type streamOrderInput struct {
	OrderID     string `path:"order_id" doc:"The order."`
	LastEventID string `header:"Last-Event-ID" doc:"The id of the last event that the client has: the stream goes on behind it. Without it, it begins with the order's first event."`
}

// streamOrder streams the events of one order, from the first on.
func (a *API) streamOrder(ctx context.Context, in *streamOrderInput) (*huma.StreamResponse, error) {
	if _, err := a.ownOrder(ctx, in.OrderID); err != nil {
		return nil, err
	}
	after, _, err := placeIn(in.LastEventID, "")
	if err != nil {
		return nil, err
	}
	return a.stream(func(ctx context.Context) *live.Stream { return a.options.Live.FollowOrder(ctx, in.OrderID, after) })
}

// placeIn is where a client wants to begin.
func placeIn(lastEventID, after string) (place eventstore.Position, given bool, err error) {
	name, text := "Last-Event-ID", lastEventID
	if text == "" {
		name, text = "after", after
	}
	if text == "" {
		return eventstore.Position{}, false, nil
	}
	if place, err = eventstore.ParsePosition(text); err != nil {
		return place, false, invalid(Fault{"/" + name, "must be the id of an event of this stream, or 0.0"})
	}
	return place, true, nil
}

func readTypes(list string) (map[string]bool, error) {
	types := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); {
		case order.IsEventType(name):
			types[name] = true
		case list != "":
			return nil, invalid(Fault{"/types", fmt.Sprintf("there are no events of the type %q", name)})
		}
	}
	return types, nil
}

// stream answers with what begin gives, until the client goes, is too slow, may not see it any more, or the process is
// stopped. Each but the first of these tells it to come again.
func (a *API) stream(begin func(context.Context) *live.Stream) (*huma.StreamResponse, error) {
	select {
	case a.streams <- struct{}{}:
	default:
		return nil, newProblem(codeOverloaded, "Too many clients are streamed to here: come again.").after(tryAgainSoon)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { <-a.streams }()
		a.metrics.streams.Inc()
		defer a.metrics.streams.Dec()
		following, stop := context.WithCancel(ctx.Context())
		defer stop()
		c := humagin.Unwrap(ctx)
		c.Header("Content-Type", "text/event-stream")
		c.Header("X-Accel-Buffering", "no") // else nginx holds events back until it has some KB of them
		to := &eventWriter{response: c.Writer, control: http.NewResponseController(c.Writer)}
		// The server's own limits are for requests that end.
		if err := to.control.SetReadDeadline(time.Time{}); err != nil {
			requestOf(following).cause = err
			return
		}
		stillMay := func() bool {
			who, problem := a.whoAsks(c.Request)
			return problem == nil && who.may(mayRead) && who.tenant == tenantOf(following)
		}
		if err := a.pump(to, begin(following), stillMay); !errors.Is(err, context.Canceled) { // else the client has gone
			requestOf(following).cause = err
		}
	}}, nil
}

// pump writes what a stream gives. The error is of our side.
func (a *API) pump(to *eventWriter, from *live.Stream, stillMay func() bool) error {
	pulse := time.NewTicker(a.pulseEvery)
	defer pulse.Stop()
	gone := to.write("retry: %d\n\n", comeAgain.Milliseconds())
	for gone == nil {
		select {
		case message, open := <-from.Messages:
			if !open {
				return from.Err()
			}
			gone = to.write("id: %s\nevent: %s\ndata: %s\n\n", message.Place, message.Type, message.Contents)
		case <-pulse.C:
			if !stillMay() {
				return nil
			}
			// An id without data moves the place from which the client will go on, and is no event to it.
			gone = to.write(": alive\nid: %s\n\n", from.Place())
		case <-a.options.Draining:
			return nil
		}
	}
	return nil
}

// eventWriter writes server-sent events, each at once.
type eventWriter struct {
	response http.ResponseWriter
	control  *http.ResponseController
}

// write fails when the client has gone, or takes nothing.
func (w *eventWriter) write(format string, args ...any) error {
	if err := w.control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w.response, format, args...); err != nil {
		return err
	}
	return w.control.Flush()
}

// describeStream says in the description what a stream is made of.
func (a *API) describeStream(op huma.Operation) huma.Operation {
	op.Description = "Server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html says: id is the event's place in the feed, " +
		"event its type, data what /v1/orders/{order_id}/events shows of it, with its order_id. A client that is cut off, or was too slow, comes again with " +
		"Last-Event-ID and misses nothing. Every " + strconv.Itoa(int(pulseEvery.Seconds())) + " s there is a sign of life."
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The events, one after the other",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	return op
}
