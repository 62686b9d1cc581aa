package eventstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"

	"orderly/eventstore"
	"orderly/internal/testkit"
)

// archiving is a store with an archive of its own.
type archiving struct {
	*eventstore.Store

	pool *pgxpool.Pool
	dir  string
}

func newArchiving(t testing.TB) archiving {
	t.Helper()
	pool, dir := testkit.Database(t), t.TempDir()
	return archiving{eventstore.New(pool, eventstore.Options{ArchiveDir: dir}), pool, dir}
}

// fillEnded appends n events to a stream, the last of which ends it.
func (a archiving) fillEnded(t testing.TB, stream string, n int) eventstore.Head {
	t.Helper()
	return appendTo(t, a.Store, stream, fill(t, a.Store, stream, n-1), newEvent("End"))
}

func (a archiving) archive(t testing.TB) eventstore.Archived {
	t.Helper()
	done, err := a.tryArchive(t.Context())
	if err != nil {
		t.Fatalf("archive: %v", err)
	}
	return done
}

func (a archiving) tryArchive(ctx context.Context) (eventstore.Archived, error) {
	return a.Archive(ctx, a.EndedStreams(ctx, []string{"End"}, time.Now().Add(time.Hour)), nil)
}

// rows are the versions of a stream that the table has.
func (a archiving) rows(t testing.TB, stream string) (versions []int32) {
	t.Helper()
	const query = `SELECT coalesce(array_agg(version ORDER BY version), '{}') FROM order_events WHERE order_id = $1`
	if err := a.pool.QueryRow(t.Context(), query, stream).Scan(&versions); err != nil {
		t.Fatal(err)
	}
	return versions
}

func (a archiving) wantRows(t testing.TB, stream string, want ...int32) {
	t.Helper()
	if got := a.rows(t, stream); !cmp.Equal(got, want) {
		t.Errorf("the table has versions %v of %s, want %v", got, stream, want)
	}
}

func (a archiving) files(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(a.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestArchive_StreamsReadAsBefore(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	a.fillEnded(t, "ended", 6)
	a.fillEnded(t, "other", 3)
	a.fillEnded(t, "short", 1)
	fill(t, a.Store, "open", 4)
	before, head := load(t, a.Store, "ended")
	if done := a.archive(t); done.Streams != 2 || done.Events != 7 || len(done.Files) != 1 {
		t.Errorf("got %+v, want 2 streams, 7 events, a file", done)
	}
	a.wantRows(t, "ended", 6)
	a.wantRows(t, "short", 1)
	a.wantRows(t, "open", 1, 2, 3, 4)

	before = compact(t, before)
	check := func(what string, got []eventstore.Event, err error, want []eventstore.Event) {
		t.Helper()
		if diff := cmp.Diff(append([]eventstore.Event(nil), want...), append([]eventstore.Event(nil), compact(t, got)...)); err != nil || diff != "" {
			t.Errorf("%s: %v (-before +archived):\n%s", what, err, diff)
		}
	}
	got, gotHead, err := a.Load(t.Context(), "ended")
	check("Load", got, err, before)
	if !cmp.Equal(head, gotHead) {
		t.Errorf("head: got %v, want %v", gotHead, head)
	}
	for version := range 8 {
		got, err := a.LoadUntilVersion(t.Context(), "ended", version)
		check(fmt.Sprintf("LoadUntilVersion %d", version), got, err, before[:min(version, 6)])
		got, _, err = a.LoadAfter(t.Context(), "ended", version)
		check(fmt.Sprintf("LoadAfter %d", version), got, err, before[min(version, 6):])
		_, got, _, err = a.LoadFromSnapshotUntilVersion(t.Context(), "ended", 1, version)
		check(fmt.Sprintf("LoadFromSnapshotUntilVersion %d", version), got, err, before[:min(version, 6)])
	}
	for i, event := range before {
		got, err := a.LoadUntil(t.Context(), "ended", event.CreatedAt)
		check(fmt.Sprintf("LoadUntil %d", i+1), got, err, before[:i+1])
		got, err = a.LoadUntil(t.Context(), "ended", event.CreatedAt.Add(-time.Nanosecond))
		check(fmt.Sprintf("LoadUntil just before %d", i+1), got, err, before[:i])
	}
	if verified, err := a.VerifyAll(t.Context(), eventstore.VerifyOptions{}); err != nil || verified != (eventstore.Verified{Streams: 4, Events: 14}) {
		t.Errorf("VerifyAll: %+v, %v", verified, err)
	}
	if again := a.archive(t); again.Streams != 0 || len(again.Files) != 0 || len(a.files(t)) != 1 {
		t.Errorf("archived again: %+v, %v", again, a.files(t))
	}
}

func TestArchive_StreamGoesOn_AndIsArchivedFurther(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	head := a.fillEnded(t, "s", 4)
	lost := []eventstore.NewEvent{newEvent("After")}
	a.archive(t)
	first := appendTo(t, a.Store, "s", head, lost...)
	if again := appendTo(t, a.Store, "s", head, lost...); !cmp.Equal(first, again) {
		t.Errorf("sent again: head %v, want %v", again, first)
	}
	appendTo(t, a.Store, "s", first, newEvent("After"))
	a.wantRows(t, "s", 4, 5, 6)
	if done := a.archive(t); done.Streams != 1 || done.Events != 2 {
		t.Errorf("archived further: %+v, want 2 events", done)
	}
	a.wantRows(t, "s", 6)
	if err := checkVersions(a.Store, "s", 6); err != nil {
		t.Error(err)
	}
	_, err := a.tryArchive(t.Context())
	if _, _, conflict := a.Append(t.Context(), "s", head, newEvent("Late")); err != nil || conflict == nil {
		t.Errorf("an append onto an archived version: %v, %v, want a conflict", err, conflict)
	}
}

// A head may be older than an archive run, and of an event whose place after it is free now. It must not be used.
func TestArchive_HeadsOfBefore_MeetAConflict(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	_, none := load(t, a.Store, "s")
	fill(t, a.Store, "s", 2)
	_, stale := load(t, a.Store, "s")
	_, last := load(t, a.Store, "s")
	for range 3 {
		last = appendTo(t, a.Store, "s", last, newEvent("More"))
	}
	appendTo(t, a.Store, "s", last, newEvent("End"))
	a.archive(t)
	for what, head := range map[string]eventstore.Head{"none yet": none, "an archived event": stale, "the one before the last": last} {
		for n := 1; n <= 2; n++ {
			_, _, err := a.Append(t.Context(), "s", head, newEvents(n)...)
			if conflict, ok := errors.AsType[*eventstore.ConflictError](err); !ok || conflict.Current != 6 {
				t.Errorf("%d events after %s: %v, want a conflict at 6", n, what, err)
			}
		}
	}
	a.wantRows(t, "s", 6)
}

// An insert under way may have seen the epoch before: nothing is deleted until it has ended.
func TestArchive_WaitsForInsertsUnderWay(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	a.fillEnded(t, "s", 3)
	tx, err := a.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `LOCK TABLE order_events IN ROW EXCLUSIVE MODE`); err != nil { // as an insert takes it
		t.Fatal(err)
	}
	archived := make(chan error, 1)
	go func() {
		_, err := a.tryArchive(t.Context())
		archived <- err
	}()
	select {
	case err := <-archived:
		t.Fatalf("archived, %v, while an insert was under way", err)
	case <-time.After(300 * time.Millisecond):
	}
	a.wantRows(t, "s", 1, 2, 3)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-archived; err != nil {
		t.Error(err)
	}
	a.wantRows(t, "s", 3)
}

func TestArchive_KilledBeforeItDeletes_GoesOn(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	a.fillEnded(t, "s", 4)
	before, _ := load(t, a.Store, "s")
	for ended, err := range a.EndedStreams(t.Context(), []string{"End"}, time.Now().Add(time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Place(t.Context(), ended); err != nil {
			t.Fatal(err)
		}
	}
	if now, _ := load(t, a.Store, "s"); !cmp.Equal(before, now) {
		t.Errorf("both in the table and in a file, it reads %v", now)
	}
	if verified, err := a.VerifyAll(t.Context(), eventstore.VerifyOptions{}); err != nil || verified.Events != 4 {
		t.Errorf("VerifyAll: %+v, %v", verified, err)
	}
	if done := a.archive(t); done.Streams != 1 || done.Events != 3 {
		t.Errorf("archived again: %+v", done)
	}
	a.wantRows(t, "s", 4)
	if err := checkVersions(a.Store, "s", 4); err != nil {
		t.Error(err)
	}
}

func TestArchive_FileIsLinesOfJSONForAnyTool(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	a.fillEnded(t, "a", 5)
	a.fillEnded(t, "b", 3)
	done := a.archive(t)
	packed, err := os.ReadFile(done.Files[0])
	if err != nil || int64(len(packed)) != done.Bytes {
		t.Fatalf("%d bytes, %v, want %d", len(packed), err, done.Bytes)
	}
	reader, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	events, err := fromLines(reader)
	if err != nil || !cmp.Equal(versionsOf(events), []int{1, 2, 3, 4, 1, 2}) {
		t.Errorf("got %v, %v", versionsOf(events), err)
	}
}

func TestArchive_LargeStream_IsVerifiedAndRead(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	head := appendTo(t, a.Store, "s", eventstore.Head{}, newEvents(3500)...)
	appendTo(t, a.Store, "s", head, newEvent("End"))
	a.fillEnded(t, "t", 3)
	a.archive(t)
	a.wantRows(t, "s", 3501)
	if verified, err := a.VerifyAll(t.Context(), eventstore.VerifyOptions{}); err != nil || verified.Events != 3504 {
		t.Errorf("got %+v, %v", verified, err)
	}
	if err := checkVersions(a.Store, "s", 3501); err != nil {
		t.Error(err)
	}
}

// TestArchive_FailsAnywhere_NothingIsLost: whatever step fails, the table keeps every event, and the next run does the work.
func TestArchive_FailsAnywhere_NothingIsLost(t *testing.T) {
	t.Parallel()
	refuse := func(on string) string {
		return `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
			CREATE TRIGGER fail BEFORE ` + on + ` FOR EACH STATEMENT EXECUTE FUNCTION fail()`
	}
	tests := map[string]struct {
		fail, heal func(t *testing.T, a *archiving)
		orphans    int
	}{
		"no directory can be made": {
			func(t *testing.T, a *archiving) {
				blocked := filepath.Join(a.dir, "file")
				if err := os.WriteFile(blocked, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				a.Store = eventstore.New(a.pool, eventstore.Options{ArchiveDir: filepath.Join(blocked, "below")})
			},
			func(_ *testing.T, a *archiving) {
				a.Store = eventstore.New(a.pool, eventstore.Options{ArchiveDir: a.dir})
			}, 1,
		},
		"no directory is named": {
			func(_ *testing.T, a *archiving) { a.Store = eventstore.New(a.pool, eventstore.Options{}) },
			func(_ *testing.T, a *archiving) {
				a.Store = eventstore.New(a.pool, eventstore.Options{ArchiveDir: a.dir})
			}, 0,
		},
		"a chain is broken": {
			func(t *testing.T, a *archiving) {
				tamper(t, a.pool, `UPDATE order_events SET data = '{"b":7}' WHERE order_id = 'b' AND version = 2`)
			},
			func(t *testing.T, a *archiving) {
				tamper(t, a.pool, `UPDATE order_events SET data = '{"b":1,"a":"x"}' WHERE order_id = 'b' AND version = 2`)
			}, 0,
		},
		"the place is not written down": {
			func(t *testing.T, a *archiving) { exec(t, a.pool, refuse(`INSERT ON archived_streams`)) },
			func(t *testing.T, a *archiving) { exec(t, a.pool, `DROP FUNCTION fail CASCADE`) }, 1,
		},
		"the rows are not deleted": {
			func(t *testing.T, a *archiving) { exec(t, a.pool, refuse(`DELETE ON order_events`)) },
			func(t *testing.T, a *archiving) { exec(t, a.pool, `DROP FUNCTION fail CASCADE`) }, 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newArchiving(t)
			a.fillEnded(t, "a", 3)
			a.fillEnded(t, "b", 4)
			tt.fail(t, &a)
			if done, err := a.tryArchive(t.Context()); err == nil || done.Streams != 0 {
				t.Errorf("got %+v, %v, want an error", done, err)
			}
			a.wantRows(t, "a", 1, 2, 3)
			a.wantRows(t, "b", 1, 2, 3, 4)
			if got := a.files(t); len(got) != tt.orphans {
				t.Errorf("left files %v, want %d", got, tt.orphans)
			}
			tt.heal(t, &a)
			if done := a.archive(t); done.Streams != 2 {
				t.Errorf("the next run: %+v", done)
			}
			a.wantRows(t, "b", 4)
			if verified, err := a.VerifyAll(t.Context(), eventstore.VerifyOptions{}); err != nil || verified.Events != 7 {
				t.Errorf("after the next run: %+v, %v", verified, err)
			}
		})
	}
}

func TestArchive_ChangedFile_IsFoundByReadersAndVerify(t *testing.T) {
	t.Parallel()
	flip := func(text []byte) []byte { text[len(text)/2] ^= 1; return text }
	for name, spoil := range map[string]func(t *testing.T, a archiving, path string){
		"missing": func(t *testing.T, _ archiving, path string) { must(t, os.Remove(path)) },
		"a bit":   func(t *testing.T, _ archiving, path string) { rewrite(t, path, flip) },
		"cut off": func(t *testing.T, _ archiving, path string) { must(t, os.Truncate(path, 40)) },
		"path away": func(t *testing.T, a archiving, _ string) {
			exec(t, a.pool, `UPDATE archived_streams SET file = '../x'`)
		},
		"wrong sum": func(t *testing.T, a archiving, _ string) {
			exec(t, a.pool, `UPDATE archived_streams SET sha256 = sha256(sha256)`)
		},
		"too few": func(t *testing.T, a archiving, _ string) { exec(t, a.pool, `UPDATE archived_streams SET version = 3`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newArchiving(t)
			a.fillEnded(t, "s", 5)
			spoil(t, a, a.archive(t).Files[0])
			_, _, err := a.Load(t.Context(), "s")
			broken, ok := errors.AsType[*eventstore.ArchiveError](err)
			if !ok || broken.Stream != "s" || filepath.Dir(broken.File) != a.dir {
				t.Errorf("Load: got %v, want an ArchiveError", err)
			}
			_, err = a.VerifyAll(t.Context(), eventstore.VerifyOptions{})
			if fault, ok := errors.AsType[*eventstore.FaultError](err); !ok || fault.Fault != eventstore.FaultArchive || fault.Stream != "s" {
				t.Errorf("VerifyAll: got %v, want an archive fault", err)
			}
		})
	}
}

// TestVerify_ForgedFile_IsFoundByTheChain: whoever can change the file may also be able to change the sum of it.
func TestVerify_ForgedFile_IsFoundByTheChain(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	a.fillEnded(t, "s", 5)
	path := a.archive(t).Files[0]
	rewrite(t, path, func(packed []byte) []byte {
		decoder, _ := zstd.NewReader(nil)
		lines, err := decoder.DecodeAll(packed, nil)
		must(t, err)
		encoder, _ := zstd.NewWriter(nil)
		forged := encoder.EncodeAll(bytes.Replace(lines, []byte(`"b":1`), []byte(`"b":2`), 1), nil)
		exec(t, a.pool, `UPDATE archived_streams SET sha256 = sha256($1), length = $2`, forged, len(forged))
		return forged
	})
	_, err := a.Verify(t.Context(), "s")
	if fault, ok := errors.AsType[*eventstore.FaultError](err); !ok || fault.Fault != eventstore.FaultHash || fault.Version != 1 {
		t.Errorf("got %v, want a wrong hash at version 1", err)
	}
}

func TestDelete_OnlyWhatIsArchivedAndNotTheLast(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	fill(t, a.Store, "s", 4)
	refused := func(sql string) {
		t.Helper()
		if _, err := a.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: was allowed", sql)
		}
	}
	refused(`DELETE FROM order_events WHERE version = 1`)
	exec(t, a.pool, `INSERT INTO archived_streams (order_id, version, file, "offset", length, sha256) VALUES ('s', 2, 'f', 0, 1, sha256(''))`)
	refused(`DELETE FROM order_events WHERE version = 3`)
	refused(`DELETE FROM order_events`)
	exec(t, a.pool, `UPDATE archived_streams SET version = 9`)
	refused(`DELETE FROM order_events`)
	refused(`DELETE FROM order_events WHERE version = 4`)
	refused(`TRUNCATE order_events`)
	refused(`UPDATE order_events SET version = 9 WHERE version = 1`)
	a.wantRows(t, "s", 1, 2, 3, 4)
	exec(t, a.pool, `DELETE FROM order_events WHERE version < 4`)
	refused(`DELETE FROM order_events`)
	a.wantRows(t, "s", 4)
}

func TestEndedStreams_ThatAreOldEnough(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	a.fillEnded(t, "old", 3)
	noted := a.fillEnded(t, "noted", 3)
	appendTo(t, a.Store, "noted", noted, newEvent("Note"))
	fill(t, a.Store, "open", 3)
	events, _ := load(t, a.Store, "noted")
	end := events[3].CreatedAt
	a.fillEnded(t, "young", 3)
	for before, want := range map[time.Time][]eventstore.Ended{
		end:                       {{Stream: "old", Version: 3, Events: 2}},
		end.Add(time.Microsecond): {{Stream: "noted", Version: 4, Events: 3}, {Stream: "old", Version: 3, Events: 2}},
		end.Add(-24 * time.Hour):  nil,
		time.Now().Add(time.Hour): {
			{Stream: "noted", Version: 4, Events: 3}, {Stream: "old", Version: 3, Events: 2}, {Stream: "young", Version: 3, Events: 2},
		},
	} {
		var got []eventstore.Ended
		for each, err := range a.EndedStreams(t.Context(), []string{"End"}, before) {
			must(t, err)
			got = append(got, each)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("before %s (-want +got):\n%s", before, diff)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rewrite(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, change(text), 0o600))
}

// fromLines decodes lines, each by itself.
func fromLines(r io.Reader) ([]eventstore.Event, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var events []eventstore.Event
	for line := range bytes.Lines(text) {
		event, err := eventstore.DecodeLine(line)
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
	return events, nil
}

// compact drops the white space by which jsonb and lines differ.
func compact(t testing.TB, events []eventstore.Event) []eventstore.Event {
	t.Helper()
	for i := range events {
		for _, text := range []*json.RawMessage{&events[i].Data, &events[i].Metadata} {
			var short bytes.Buffer
			must(t, json.Compact(&short, *text))
			*text = short.Bytes()
		}
	}
	return events
}
