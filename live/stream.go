package live

import (
	"context"
	"errors"
	"sync/atomic"

	"orderly/eventstore"
)

// ErrCutOff ends a stream whose client was too slow, or whose hub could not go on; it goes on where it ended when the client
// comes again.
var ErrCutOff = errors.New("cut off from the end of the feed")

// Stream is what one client is told.
type Stream struct {
	// Messages are closed when the stream has ended; Err then says why.
	Messages <-chan Message

	messages chan Message
	place    atomic.Pointer[eventstore.Position]
	err      error
}

// Place is how far the client has been told, with everything before that it did not ask for.
func (s *Stream) Place() eventstore.Position { return *s.place.Load() }

// Err is why the stream has ended, once Messages are closed: [ErrCutOff], the context's, or the database's.
func (s *Stream) Err() error { return s.err }

// Wanted says which messages a client asked for.
type Wanted func(Message) bool

// Follow streams the events of all orders after a place, until the context ends.
func (h *Hub) Follow(ctx context.Context, after eventstore.Position, wanted Wanted) *Stream {
	last := after
	once := func(m Message) bool {
		if !last.Less(m.Place) {
			return false
		}
		last = m.Place
		return wanted(m)
	}
	return h.stream(ctx, after, once, func(ctx context.Context, after eventstore.Position) ([]Message, bool, error) {
		told, err := h.feed.Read(ctx, after, page)
		if err != nil {
			return nil, false, err
		}
		messages, err := encode(told)
		return messages, len(told) == page, err
	})
}

// FollowOrder streams the events of one order after a place, until the context ends. Those that were archived have no place any
// more: they are there for who begins at the zero place.
func (h *Hub) FollowOrder(ctx context.Context, orderID string, after eventstore.Position) *Stream {
	version := 0
	wanted := func(m Message) bool {
		if m.OrderID != orderID || m.Version <= version {
			return false
		}
		version = m.Version
		return after.Less(m.Place) || after == eventstore.Position{}
	}
	return h.stream(ctx, after, wanted, func(ctx context.Context, _ eventstore.Position) ([]Message, bool, error) {
		told, err := h.feed.ReadOrder(ctx, orderID, version)
		if err != nil {
			return nil, false, err
		}
		messages, err := encode(told)
		return messages, false, err
	})
}

// reader reads messages after a place on behalf of one client, and says whether there are more.
type reader func(ctx context.Context, after eventstore.Position) (messages []Message, more bool, err error)

func (h *Hub) stream(ctx context.Context, after eventstore.Position, wanted Wanted, read reader) *Stream {
	s := &Stream{messages: make(chan Message)}
	s.Messages = s.messages
	s.place.Store(&after)
	go func() {
		defer close(s.messages)
		s.err = s.run(ctx, h, wanted, read)
	}()
	return s
}

// run catches up twice: first for as long as that takes, then once more behind the place at which the hub goes on, which is
// soon done.
func (s *Stream) run(ctx context.Context, h *Hub, wanted Wanted, read reader) error {
	if err := s.catchUp(ctx, wanted, read); err != nil {
		return err
	}
	t, err := h.join(ctx)
	if err != nil {
		return err
	}
	defer h.leave(t)
	if err := s.catchUp(ctx, wanted, read); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case message, open := <-t.messages:
			if !open {
				return ErrCutOff
			}
			if err := s.send(ctx, wanted, message); err != nil {
				return err
			}
		}
	}
}

func (s *Stream) catchUp(ctx context.Context, wanted Wanted, read reader) error {
	for {
		messages, more, err := read(ctx, s.Place())
		if err != nil {
			return err
		}
		for _, message := range messages {
			if err := s.send(ctx, wanted, message); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// send gives the client a message that it wants and has not had yet.
func (s *Stream) send(ctx context.Context, wanted Wanted, message Message) error {
	if wanted(message) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s.messages <- message:
		}
	}
	if s.Place().Less(message.Place) {
		s.place.Store(&message.Place)
	}
	return nil
}
