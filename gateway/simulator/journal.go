package simulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const journalName = "journal.jsonl"

var errClosed = errors.New("the simulator is closed")

// journal is an append-only file of records, one JSON object a line. It is written before anybody is answered and
// not synced: it outlives the process, which is what gets killed here, not the machine.
type journal struct {
	file *os.File
	size int64
}

// openJournal hands every record in dir to apply, cuts a torn last line off, and opens the file for more.
func openJournal(dir string, apply func(record) error) (*journal, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}

	path := filepath.Join(dir, journalName)

	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}

	size, err := readRecords(file, apply)
	if err == nil {
		err = file.Truncate(size)
	}

	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the journal %s: %w", path, err), file.Close())
	}

	return &journal{file: file, size: size}, nil
}

// readRecords reads whole lines and returns how many bytes they are. What follows the last newline was torn by a
// crash before anybody was answered, so it never happened; damage anywhere else is an error.
func readRecords(r io.Reader, apply func(record) error) (int64, error) {
	var (
		size   int64
		reader = bufio.NewReader(r)
	)

	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return size, nil
		}

		if err != nil {
			return size, fmt.Errorf("line %d: %w", number, err)
		}

		if len(bytes.TrimSpace(line)) > 0 {
			var rec record
			if err := json.Unmarshal(line, &rec); err != nil {
				return size, fmt.Errorf("line %d: %w", number, err)
			}

			if err := apply(rec); err != nil {
				return size, fmt.Errorf("line %d: %w", number, err)
			}
		}

		size += int64(len(line))
	}
}

// append writes r with a single write. When that fails, the next one starts over at the same place, so that half a
// line never stands in the middle of the file.
func (j *journal) append(r record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a record: %w", err)
	}

	line = append(line, '\n')
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return errors.Join(fmt.Errorf("write the journal: %w", err), j.file.Truncate(j.size))
	}

	j.size += int64(len(line))

	return nil
}

func (j *journal) close() error {
	if err := j.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close the journal: %w", err)
	}

	return nil
}
