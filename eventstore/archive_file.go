package eventstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// archiveFile is a file of archived streams: one zstd frame of lines a stream. So it is a zstd file as a whole, too, and any
// tool can read it.
type archiveFile struct {
	dir, name string
	parts     []part
	ends      [][]byte // the hash of each part's last event
	size      int64
	skipped   int
}

func (f *archiveFile) path() string { return filepath.Join(f.dir, f.name) }

// writeArchive writes all but the last event of streams to a new file, and returns when it is on the disk. It writes none
// when no stream is left.
func (s *Store) writeArchive(ctx context.Context, streams []Ended) (*archiveFile, error) {
	if s.archiveDir == "" {
		return nil, errors.New("no directory is named for the archive")
	}
	if err := os.MkdirAll(s.archiveDir, 0o750); err != nil {
		return nil, err
	}
	name := s.clock().UTC().Format("orderly-archive-20060102T150405.000000Z.jsonl.zst")
	f := &archiveFile{dir: s.archiveDir, name: name}
	if _, err := os.Lstat(f.path()); err == nil {
		return nil, fmt.Errorf("%s: %w", f.path(), os.ErrExist)
	}
	draft := f.path() + ".partial"
	file, err := os.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	err = f.writeStreams(ctx, s, file, streams)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil || len(f.parts) == 0 {
		return f, errors.Join(err, os.Remove(draft))
	}
	if err := os.Rename(draft, f.path()); err != nil {
		return nil, err
	}
	return f, syncDir(s.archiveDir)
}

func (f *archiveFile) writeStreams(ctx context.Context, s *Store, file io.Writer, streams []Ended) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	var frame bytes.Buffer
	for _, stream := range streams {
		events, head, err := s.Load(ctx, stream.Stream)
		if err != nil {
			return err
		}
		if head.version != stream.Version || len(events) < 2 {
			f.skipped++
			continue
		}
		frame.Reset()
		encoder.Reset(&frame)
		if err := writeFrame(encoder, events); err != nil {
			return err
		}
		n, err := file.Write(frame.Bytes())
		if err != nil {
			return err
		}
		f.add(stream.Stream, events[len(events)-2], frame.Bytes()[:n])
	}
	return nil
}

// writeFrame writes all events but the last one, and checks the chain of all.
func writeFrame(encoder *zstd.Encoder, events []Event) error {
	last := Event{}
	for i, event := range events {
		if err := event.follows(last.outOfFeed()); err != nil {
			return err
		}
		if last = event; i == len(events)-1 {
			break
		}
		text, err := EncodeLine(event)
		if err != nil {
			return err
		}
		if _, err := encoder.Write(text); err != nil {
			return err
		}
	}
	return encoder.Close()
}

func (f *archiveFile) add(stream string, end Event, frame []byte) {
	sum := sha256.Sum256(frame)
	f.parts = append(f.parts, part{
		stream: stream, version: end.Version, file: f.name, offset: f.size, length: int64(len(frame)), sum: sum[:],
	})
	f.ends = append(f.ends, end.Hash)
	f.size += int64(len(frame))
}

// verify reads everything back, as a reader of the archive would, and walks the chains.
func (f *archiveFile) verify() error {
	for i, p := range f.parts {
		var last Event
		for event, err := range p.read(f.dir) {
			if err != nil {
				return err
			}
			if err := event.follows(last.outOfFeed()); err != nil {
				return err
			}
			last = event
		}
		if !bytes.Equal(last.Hash, f.ends[i]) {
			return &ArchiveError{Stream: p.stream, File: f.path(), Err: errors.New("does not end as the stream does")}
		}
	}
	return nil
}

// syncDir makes a new name in a directory survive a crash of the machine.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
