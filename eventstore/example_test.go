package eventstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/postgres"
)

// Whoever appends names the head that it has read. When somebody else was faster, the append is refused: load again,
// and decide again.
func ExampleStore_Append() {
	ctx := context.Background()
	pool, drop := exampleDatabase(ctx)
	defer drop()
	store := eventstore.New(pool, eventstore.Options{})

	_, seen, err := store.Append(ctx, "order-1", eventstore.Head{}, exampleEvent("OrderPlaced"))
	check(err)
	_, _, err = store.Append(ctx, "order-1", seen, exampleEvent("OrderConfirmed"))
	check(err)

	_, _, err = store.Append(ctx, "order-1", seen, exampleEvent("OrderCancelled"))
	conflict, ok := errors.AsType[*eventstore.ConflictError](err)
	fmt.Println(ok, conflict)

	events, _, err := store.Load(ctx, "order-1")
	check(err)
	for _, event := range events {
		fmt.Println(event.Version, event.Type)
	}
	// Output:
	// true stream order-1 is at version 2, not 1
	// 1 OrderPlaced
	// 2 OrderConfirmed
}

// When the answer to an append was lost, the same events are sent again, with the same ids. Nothing is written twice,
// and the first result is given, whatever has happened to the stream since.
func ExampleStore_Append_sentAgain() {
	ctx := context.Background()
	pool, drop := exampleDatabase(ctx)
	defer drop()
	store := eventstore.New(pool, eventstore.Options{})

	event := exampleEvent("OrderPlaced")
	first, head, err := store.Append(ctx, "order-1", eventstore.Head{}, event)
	check(err)
	_, _, err = store.Append(ctx, "order-1", head, exampleEvent("OrderConfirmed"))
	check(err)

	again, head, err := store.Append(ctx, "order-1", eventstore.Head{}, event)
	check(err)
	fmt.Println("head after the first event:", head.Version())
	fmt.Println("stored at the same time:", again[0].CreatedAt.Equal(first[0].CreatedAt))
	// Output:
	// head after the first event: 1
	// stored at the same time: true
}

// A reader of the feed keeps the position of the last event that it has dealt with and asks for what follows. When there is
// nothing, it waits until it is woken, and asks again after a while in any case.
func ExampleStore_ReadFeed() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pool, drop := exampleDatabase(ctx)
	defer drop()

	notifier, listener := eventstore.NewNotifier(pool, eventstore.Channel), eventstore.NewListener(pool, eventstore.Channel)
	var running sync.WaitGroup
	running.Go(func() { notifier.Run(ctx) })
	running.Go(func() { listener.Run(ctx) })
	defer func() { cancel(); running.Wait() }()
	woken, stop := listener.On(eventstore.Channel)()
	defer stop()

	store := eventstore.New(pool, eventstore.Options{Notifier: notifier})
	_, head, err := store.Append(ctx, "order-1", eventstore.Head{}, exampleEvent("OrderPlaced"))
	check(err)
	_, _, err = store.Append(ctx, "order-2", eventstore.Head{}, exampleEvent("OrderPlaced"))
	check(err)
	_, _, err = store.Append(ctx, "order-1", head, exampleEvent("OrderConfirmed"))
	check(err)

	var done eventstore.Position
	for read := 0; read < 3; {
		events, err := store.ReadFeed(ctx, done, 100)
		check(err)
		for _, event := range events {
			fmt.Println(event.StreamID, event.Version, event.Type)
			done = event.Position
		}
		if read += len(events); len(events) > 0 {
			continue
		}
		select {
		case <-woken:
		case <-time.After(250 * time.Millisecond):
		}
	}
	// Output:
	// order-1 1 OrderPlaced
	// order-2 1 OrderPlaced
	// order-1 2 OrderConfirmed
}

// A stream can be read as it was at a moment.
func ExampleStore_LoadUntil() {
	ctx := context.Background()
	pool, drop := exampleDatabase(ctx)
	defer drop()
	now := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	store := eventstore.New(pool, eventstore.Options{Clock: func() time.Time { return now }})

	var head eventstore.Head
	for _, kind := range []string{"OrderPlaced", "OrderConfirmed", "OrderShipped"} {
		var err error
		_, head, err = store.Append(ctx, "order-1", head, exampleEvent(kind))
		check(err)
		now = now.Add(24 * time.Hour)
	}

	events, err := store.LoadUntil(ctx, "order-1", time.Date(2026, 5, 5, 12, 0, 0, 0, time.UTC))
	check(err)
	for _, event := range events {
		fmt.Println(event.CreatedAt.Format(time.DateOnly), event.Type)
	}
	// Output:
	// 2026-05-04 OrderPlaced
	// 2026-05-05 OrderConfirmed
}

func exampleEvent(kind string) eventstore.NewEvent {
	return eventstore.NewEvent{
		ID: uuid.Must(uuid.NewV7()), Type: kind, SchemaVersion: 1,
		Data: json.RawMessage(`{}`), Metadata: json.RawMessage(`{}`),
	}
}

// exampleDatabase makes a migrated database; drop removes it.
func exampleDatabase(ctx context.Context) (pool *pgxpool.Pool, drop func()) {
	server, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	check(err)
	name := "example_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	_, err = server.Exec(ctx, "CREATE DATABASE "+name)
	check(err)

	address, err := url.Parse(os.Getenv("DATABASE_URL"))
	check(err)
	address.Path = "/" + name
	_, err = postgres.Migrate(ctx, address.String())
	check(err)
	pool, err = postgres.Open(ctx, address.String(), postgres.Options{Name: "example"})
	check(err)
	return pool, func() {
		ctx := context.WithoutCancel(ctx)
		_, err := server.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
		check(errors.Join(err, server.Close(ctx)))
		pool.Close()
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
