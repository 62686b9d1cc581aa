package live

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"orderly/eventstore"
	"orderly/journal"
)

const (
	// page is how many events are read at a time.
	page = 500
	// buffer is how many messages a client may be behind the end of the feed before it is cut off. It has room for a page
	// and what comes while that is being sent.
	buffer = 2 * page
	// restFor is the pause after the feed could not be read.
	restFor = time.Second
)

// Hub reads the end of the feed for all clients of a process. It reads while somebody listens.
type Hub struct {
	feed      *journal.Feed
	subscribe func() (<-chan struct{}, func())
	log       *zap.Logger
	joined    chan struct{} // wakes Run when the first client comes

	mu    sync.Mutex
	tails map[*tail]struct{}
	end   eventstore.Position // as far as the tails were told
}

// NewHub makes a Hub, which works while Run does. Subscribe gives what wakes it after appends ([eventstore.Listener.On] with
// [eventstore.Channel]); with nil it looks twice a second.
func NewHub(feed *journal.Feed, subscribe func() (<-chan struct{}, func()), log *zap.Logger) *Hub {
	return &Hub{feed: feed, subscribe: subscribe, log: log, joined: make(chan struct{}, 1), tails: map[*tail]struct{}{}}
}

// Now is the place in the feed behind which what happens from now on will stand.
func (h *Hub) Now(ctx context.Context) (eventstore.Position, error) { return h.feed.End(ctx) }

// tail is what one client is told of the end of the feed: everything after from. Messages are closed when there were more than
// the client took, or when the hub could not go on.
type tail struct {
	from     eventstore.Position
	messages chan Message
}

// join makes a tail that begins where the hub is. Without other clients that is the end of the feed, wherever the hub was when
// the last one left.
func (h *Hub) join(ctx context.Context) (*tail, error) {
	end, err := h.Now(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.tails) == 0 && h.end.Less(end) {
		h.end = end
	}
	t := &tail{from: h.end, messages: make(chan Message, buffer)}
	h.tails[t] = struct{}{}
	select {
	case h.joined <- struct{}{}:
	default:
	}
	return t, nil
}

// leave ends a tail.
func (h *Hub) leave(t *tail) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut(t)
}

func (h *Hub) cut(t *tail) {
	if _, there := h.tails[t]; there {
		delete(h.tails, t)
		close(t.messages)
	}
}

// Run reads the end of the feed until the context ends, while there are clients.
func (h *Hub) Run(ctx context.Context) {
	watch, stop := eventstore.NewWatch(h.subscribe)
	defer stop()
	for ctx.Err() == nil {
		if !h.isHeard() {
			select {
			case <-ctx.Done():
			case <-h.joined:
			}
			continue
		}
		if err := h.advance(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("the feed was not read for those who listen: they are cut off, and come again", zap.Error(err))
			h.cutAll()
			select {
			case <-ctx.Done():
			case <-time.After(restFor):
			}
			continue
		}
		_ = watch.Wait(ctx) // its error is the context's
	}
}

func (h *Hub) isHeard() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.tails) > 0
}

// advance tells the tails of everything up to the end of the feed.
func (h *Hub) advance(ctx context.Context) error {
	for {
		h.mu.Lock()
		after := h.end
		h.mu.Unlock()
		told, err := h.feed.Read(ctx, after, page)
		if err != nil {
			return err
		}
		messages, err := encode(told)
		if err != nil {
			return err
		}
		h.tell(messages)
		if len(messages) < page {
			return nil
		}
	}
}

// tell hands messages to all tails, and cuts off those which have no room for them. What was read before the hub moved to the
// end of the feed for a new client is left out.
func (h *Hub) tell(messages []Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, message := range messages {
		if !h.end.Less(message.Place) {
			continue
		}
		h.end = message.Place
		for t := range h.tails {
			select {
			case t.messages <- message:
			default:
				h.cut(t)
			}
		}
	}
}

func (h *Hub) cutAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for t := range h.tails {
		h.cut(t)
	}
}
