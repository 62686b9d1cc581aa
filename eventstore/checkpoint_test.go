package eventstore_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	private, _ := eventstore.NewSigningKey()
	key, err := eventstore.ParseSigningKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// checkpoint makes a checkpoint once the feed can read everything that is in the table.
func checkpoint(t testing.TB, store *eventstore.Store, pool *pgxpool.Pool, key ed25519.PrivateKey) eventstore.Checkpoint {
	t.Helper()
	await(t, "the feed reads everything", func() bool {
		head, err := store.FeedHead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return head.Held == 0
	})
	made, err := store.Checkpoint(t.Context(), key)
	if err != nil {
		t.Fatalf("make a checkpoint: %v", err)
	}
	return made
}

// faultsOf verifies the checkpoints and lists what is found.
func faultsOf(t testing.TB, store *eventstore.Store, options eventstore.CheckpointOptions) []eventstore.FaultError {
	t.Helper()
	var found []eventstore.FaultError
	options.Fault = func(fault *eventstore.FaultError) { found = append(found, *fault) }
	verified, err := store.VerifyCheckpoints(t.Context(), options)
	if err != nil {
		t.Fatalf("verify the checkpoints: %v", err)
	}
	if verified.Faults != len(found) {
		t.Errorf("counted %d faults, told of %d", verified.Faults, len(found))
	}
	return found
}

func TestCheckpoint_SavesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	key := newKey(t)
	if _, err := store.Checkpoint(t.Context(), key); !errors.Is(err, eventstore.ErrNoEvents) {
		t.Fatalf("without events: %v", err)
	}
	head := fill(t, store, "a", 3)
	fill(t, store, "b", 2)
	first := checkpoint(t, store, pool, key)
	if again := checkpoint(t, store, pool, key); !cmp.Equal(first, again) {
		t.Errorf("nothing changed, got another one: %s", cmp.Diff(first, again))
	}
	appendTo(t, store, "a", head, newEvents(1)...)
	fill(t, store, "Z", 1)
	second := checkpoint(t, store, pool, key)
	if first.ID != 1 || first.Heads != 2 || second.ID != 2 || second.Heads != 2 || !slices.Equal(second.Previous, first.Hash()) {
		t.Errorf("got %+v, then %+v", first, second)
	}
	rows, err := pool.Query(t.Context(), `SELECT format('%s %s %s', checkpoint_id, order_id, version) FROM checkpoint_heads ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1 a 3", "1 b 2", "2 Z 1", "2 a 4"}
	if got := collect(t, rows); !slices.Equal(got, want) {
		t.Errorf("heads: got %v, want %v", got, want)
	}
	verified, err := store.VerifyCheckpoints(t.Context(), eventstore.CheckpointOptions{Keys: eventstore.PublicKeysOf(key)})
	if want := (eventstore.CheckpointsVerified{Checkpoints: 2, Heads: 4}); err != nil || verified != want {
		t.Errorf("got %+v, %v; want %+v", verified, err, want)
	}
	one, err := store.VerifyCheckpoints(t.Context(), eventstore.CheckpointOptions{Keys: eventstore.PublicKeysOf(key), Stream: "a"})
	if want := (eventstore.CheckpointsVerified{Checkpoints: 2, Heads: 2}); err != nil || one != want {
		t.Errorf("of one stream: got %+v, %v; want %+v", one, err, want)
	}
}

// TestCheckpoint_OpenTransaction_IsNotCovered keeps a writer open while a checkpoint is made: what it writes comes into
// the next one.
func TestCheckpoint_OpenTransaction_IsNotCovered(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	key := newKey(t)
	fill(t, store, "before", 1)
	checkpoint(t, store, pool, key)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SELECT pg_current_xact_id()`); err != nil {
		t.Fatal(err)
	}
	fill(t, store, "after", 2)
	if held, err := store.Checkpoint(t.Context(), key); err != nil || held.ID != 1 {
		t.Errorf("while a writer is open: %+v, %v", held, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next := checkpoint(t, store, pool, key); next.ID != 2 || next.Heads != 1 {
		t.Errorf("after it has ended: %+v", next)
	}
	if found := faultsOf(t, store, eventstore.CheckpointOptions{Keys: eventstore.PublicKeysOf(key)}); len(found) > 0 {
		t.Errorf("got %v", found)
	}
}

func TestCheckpoint_ManyAtOnce_MakeAChainWithoutGap(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	key := newKey(t)
	var makers sync.WaitGroup
	for i := range 6 {
		makers.Go(func() {
			for j := range 5 {
				if _, _, err := store.Append(t.Context(), fmt.Sprintf("s%d-%d", i, j), eventstore.Head{}, newEvents(2)...); err != nil {
					t.Error(err)
				}
				_, err := store.Checkpoint(t.Context(), key)
				if err != nil && !errors.Is(err, eventstore.ErrCheckpointTaken) && !errors.Is(err, eventstore.ErrNoEvents) {
					t.Error(err)
				}
			}
		})
	}
	makers.Wait()
	last := checkpoint(t, store, pool, key)
	verified, err := store.VerifyCheckpoints(t.Context(), eventstore.CheckpointOptions{Keys: eventstore.PublicKeysOf(key)})
	if want := (eventstore.CheckpointsVerified{Checkpoints: int(last.ID), Heads: 30}); err != nil || verified != want {
		t.Errorf("got %+v, %v; want %+v", verified, err, want)
	}
}

// TestCheckpoint_AfterTheFeedWasRebased_CoversWhatIsNew plays a database that was moved to another cluster: its events have
// transaction 0 there, and new transactions may have lower numbers than the last checkpoint's.
func TestCheckpoint_AfterTheFeedWasRebased_CoversWhatIsNew(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	key := newKey(t)
	head := fill(t, store, "a", 3)
	fill(t, store, "b", 1)
	checkpoint(t, store, pool, key)
	appendTo(t, store, "a", head, newEvents(1)...) // after the checkpoint, before the move
	tamper(t, pool, `UPDATE order_events SET tx = '0'`)
	fill(t, store, "c", 1)
	if next := checkpoint(t, store, pool, key); next.ID != 2 || next.Heads != 2 {
		t.Errorf("got %+v, want the heads of a and c", next)
	}
	if found := faultsOf(t, store, eventstore.CheckpointOptions{Keys: eventstore.PublicKeysOf(key)}); len(found) > 0 {
		t.Errorf("got %v", found)
	}
}

func TestCheckpoint_ClockGoesBack_TimesGrow(t *testing.T) {
	t.Parallel()
	_, pool := newStore(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	store := eventstore.New(pool, eventstore.Options{Clock: func() time.Time { return now }})
	key := newKey(t)
	fill(t, store, "a", 1)
	first := checkpoint(t, store, pool, key)
	now = now.Add(-time.Hour)
	fill(t, store, "b", 1)
	if second := checkpoint(t, store, pool, key); !second.MadeAt.After(first.MadeAt) {
		t.Errorf("%s is not after %s", second.MadeAt, first.MadeAt)
	}
}

func TestCheckpoint_JSON_IsReadBackTheSame(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	fill(t, store, "a", 1)
	made := checkpoint(t, store, pool, newKey(t))
	text, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	var read eventstore.Checkpoint
	if err := json.Unmarshal(text, &read); err != nil || !cmp.Equal(made, read) {
		t.Errorf("%v: %s", err, cmp.Diff(made, read))
	}
	for _, bad := range []string{
		`{}`, `{"id":1}`, strings.Replace(string(text), `"heads"`, `"hats"`, 1), strings.Replace(string(text), `"root":"`, `"root":"0`, 1),
	} {
		if err := json.Unmarshal([]byte(bad), &read); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestCheckpoints_AreNeverChanged(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	fill(t, store, "a", 1)
	checkpoint(t, store, pool, newKey(t))
	for _, table := range []string{"checkpoints", "checkpoint_heads"} {
		for _, statement := range []string{`UPDATE %s SET version = 1`, `DELETE FROM %s`, `TRUNCATE %s`} {
			statement = fmt.Sprintf(strings.Replace(statement, "version = 1", "hash = hash", 1), table)
			if table == "checkpoints" {
				statement = strings.Replace(statement, "hash = hash", "root = root", 1)
			}
			if _, err := pool.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "never changed") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	private, public := eventstore.NewSigningKey()
	key, err := eventstore.ParseSigningKey(private + "\n")
	if err != nil || eventstore.FormatPublicKey(key) != public {
		t.Errorf("got %v", err)
	}
	keys, err := eventstore.ParsePublicKeys([]string{" " + public})
	if err != nil || !cmp.Equal(keys, eventstore.PublicKeysOf(key)) {
		t.Errorf("got %v, %v", keys, err)
	}
	for _, bad := range []string{"", "x", uuid.NewString(), private[:20]} {
		if _, err := eventstore.ParseSigningKey(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) && len(bad) > 1 {
			t.Errorf("%q as a private key: %v", bad, err)
		}
		if _, err := eventstore.ParsePublicKeys([]string{bad}); err == nil {
			t.Errorf("%q as a public key was read", bad)
		}
	}
}
