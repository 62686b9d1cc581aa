package eventstore

import (
	"context"
	"testing"
	"time"
)

// LineOf is the first event of a stream as a line, with the right hash, whether or not a database would take it.
func LineOf(t testing.TB, stream string, e NewEvent) string {
	t.Helper()
	at := time.UnixMicro(1_700_000_000_000_000)
	hash, err := chainHash(nil, stream, 1, e, at)
	if err != nil {
		t.Fatal(err)
	}
	text, err := EncodeLine(Event{
		Position: Position{Tx: 1, Seq: 1}, StreamID: stream, Version: 1, ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion,
		Data: e.Data, Metadata: e.Metadata, CreatedAt: at, Hash: hash,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Place writes down where the first parts of an archive's file are, as Archive does before it deletes anything.
func (s *Store) Place(ctx context.Context, streams ...Ended) error {
	file, err := s.writeArchive(ctx, streams)
	if err != nil {
		return err
	}
	return s.place(ctx, file.parts)
}
