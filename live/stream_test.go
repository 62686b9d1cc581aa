package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"orderly/eventstore"
	"orderly/live"
)

// The crowd: writers of whom some hold their transactions open, and clients that come, go and come again.
const (
	crowdWriters = 6
	crowdEvents  = 40
	crowdClients = 8
)

func TestFollow_WritersAndClientsComeAndGo_EachSeesEachEventOnceInOrder(t *testing.T) {
	w := newWorld(t)
	var writing, reading sync.WaitGroup
	for i := range crowdWriters {
		writing.Go(func() {
			id := fmt.Sprintf("order%d", i)
			w.place(id, "t")
			w.notes(id, 2, crowdEvents)
		})
	}
	stop := make(chan struct{})
	writing.Go(func() { w.holdTheFeed(stop) })
	seen := make([][]live.Message, crowdClients)
	for i := range crowdClients {
		reading.Go(func() { seen[i] = w.readInParts(crowdWriters * crowdEvents) })
	}
	reading.Wait()
	close(stop)
	writing.Wait()
	for i, messages := range seen {
		if !slices.IsSortedFunc(messages, func(a, b live.Message) int { return a.Place.Compare(b.Place) }) {
			t.Errorf("client %d was told out of order", i)
		}
		versions := map[string]int{}
		for _, m := range messages {
			if versions[m.OrderID]++; m.Version != versions[m.OrderID] {
				t.Fatalf("client %d was told version %d of %s, want %d", i, m.Version, m.OrderID, versions[m.OrderID])
			}
		}
		if !slices.Equal(names(messages), names(seen[0])) {
			t.Errorf("client %d was told something else than client 0", i)
		}
	}
}

// holdTheFeed keeps writing transactions open for moments, so that commits land out of order.
func (w *world) holdTheFeed(stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		tx, err := w.pool.Begin(w.t.Context())
		if err == nil {
			_, err = tx.Exec(w.t.Context(), `SELECT pg_current_xact_id()`)
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			err = errors.Join(err, tx.Rollback(w.t.Context()))
		}
		if err != nil {
			w.t.Errorf("hold the feed: %v", err)
			return
		}
	}
}

// readInParts reads so many messages from the beginning, over connections that break again and again.
func (w *world) readInParts(n int) []live.Message {
	var seen []live.Message
	for len(seen) < n {
		var after eventstore.Position
		if len(seen) > 0 {
			after = seen[len(seen)-1].Place
		}
		ctx, hangUp := context.WithCancel(w.t.Context())
		part := 1 + rand.IntN(min(60, n-len(seen)))
		seen = append(seen, w.take(w.hub.Follow(ctx, after, all), part)...)
		hangUp()
	}
	return seen
}

func TestFollow_FromNow_TellsNothingOfBefore(t *testing.T) {
	w := newWorld(t)
	w.place("a", "t")
	w.awaitEnd("a", 1)
	now, err := w.hub.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stream := w.hub.Follow(t.Context(), now, all)
	w.notes("a", 2, 3)
	if got := names(w.take(stream, 2)); !slices.Equal(got, []string{"a:2", "a:3"}) {
		t.Errorf("got %v, want what came later", got)
	}
}

// awaitEnd waits until the feed can be read up to a version of an order: transactions of other tests can hold it.
func (w *world) awaitEnd(id string, version int) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	defer stop()
	stream := w.hub.Follow(ctx, eventstore.Position{}, func(m live.Message) bool { return m.OrderID == id && m.Version == version })
	w.take(stream, 1)
}

func TestFollow_WantsLittle_PlaceMovesOn(t *testing.T) {
	w := newWorld(t)
	w.place("a", "t")
	w.place("b", "other")
	stream := w.hub.Follow(t.Context(), eventstore.Position{}, func(m live.Message) bool { return m.Tenant == "other" })
	if got := names(w.take(stream, 1)); got[0] != "b:1" {
		t.Errorf("got %v, want the other tenant's order", got)
	}
	before := stream.Place()
	w.notes("a", 2, 10)
	for deadline := time.Now().Add(patience); !before.Less(stream.Place()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the place does not move with what is left out: the client would begin far behind")
		}
	}
}

func TestFollow_SlowClient_IsCutOffAndMissesNothing(t *testing.T) {
	w := newWorld(t)
	w.place("a", "t")
	slow := w.hub.Follow(t.Context(), eventstore.Position{}, all)
	got := w.take(slow, 1)
	for version := 2; version <= 3; version++ { // a stream catches up twice; what comes third, it has from the hub
		w.notes("a", version, version)
		got = append(got, w.take(slow, 1)...)
	}
	quick := w.hub.Follow(t.Context(), eventstore.Position{}, all)
	const last = 2500 // more than a client may be behind
	w.burst("a", last)
	w.take(quick, last) // somebody else's slowness holds up nobody
	for message := range slow.Messages {
		got = append(got, message)
	}
	if !errors.Is(slow.Err(), live.ErrCutOff) {
		t.Fatalf("the slow client's stream ended with %v, want %v", slow.Err(), live.ErrCutOff)
	}
	if len(got) >= last {
		t.Fatalf("the slow client was told all of %d events: nothing was cut off", last)
	}
	again := w.hub.Follow(t.Context(), got[len(got)-1].Place, all)
	got = append(got, w.take(again, last-len(got))...)
	for i, m := range got {
		if m.Version != i+1 {
			t.Fatalf("message %d is of version %d", i, m.Version)
		}
	}
}

func TestFollowOrder_BeginsWithTheFirstEventOrBehindTheLastOne(t *testing.T) {
	w := newWorld(t)
	w.place("a", "t")
	w.place("b", "t")
	w.notes("a", 2, 3)
	stream := w.hub.FollowOrder(t.Context(), "a", eventstore.Position{})
	got := w.take(stream, 3)
	w.notes("b", 2, 2)
	w.notes("a", 4, 5)
	got = append(got, w.take(stream, 2)...)
	if want := []string{"a:1", "a:2", "a:3", "a:4", "a:5"}; !slices.Equal(names(got), want) {
		t.Errorf("got %v, want %v", names(got), want)
	}
	again := w.hub.FollowOrder(t.Context(), "a", got[2].Place)
	if rest := names(w.take(again, 2)); !slices.Equal(rest, []string{"a:4", "a:5"}) {
		t.Errorf("got %v behind version 3", rest)
	}
}

func TestFollow_ContentsAreWhatTheTenantMaySee(t *testing.T) {
	w := newWorld(t)
	w.place("a", "t")
	message := w.take(w.hub.Follow(t.Context(), eventstore.Position{}, all), 1)[0]
	var told struct {
		OrderID   string          `json:"order_id"`
		EventType string          `json:"event_type"`
		Position  string          `json:"position"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(message.Contents, &told); err != nil {
		t.Fatal(err)
	}
	if told.OrderID != "a" || told.EventType != "OrderCreated" || told.Position != message.Place.String() {
		t.Errorf("got %+v", told)
	}
	if text := string(told.Data); !strings.Contains(text, "1 Main St") || strings.Contains(text, "tok_visa") {
		t.Errorf("data is %s: want the address in clear, and no means of payment", text)
	}
}

func TestFollow_EventOfANewerProgram_EndsTheStreamInsteadOfAGuess(t *testing.T) {
	w := newWorld(t)
	w.place("a", "t")
	const query = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT order_id, 2, gen_random_uuid(), 'OrderTeleported', 1, '{}', metadata, created_at, hash FROM order_events`
	if _, err := w.pool.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
	err := live.ErrCutOff
	for errors.Is(err, live.ErrCutOff) { // by the hub, when the event came into the feed only after the stream: a client comes again
		stream := w.hub.Follow(t.Context(), eventstore.Position{}, all)
		for range stream.Messages { //nolint:revive // what comes before it may come
		}
		err = stream.Err()
	}
	if err == nil || !strings.Contains(err.Error(), "OrderTeleported") {
		t.Errorf("the stream ended with %v, want the event's type", err)
	}
}
