package eventstore

import (
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"
)

// The one statement that is run for nearly every event does without pgx's mapping of types, which costs about as much as
// hashing the event. The formats are those of the types' send functions in Postgres.

// postgresEpoch is 2000-01-01 in microseconds of Unix time: from there Postgres counts.
const postgresEpoch = 946_684_800_000_000

// inBinary is the format of all arguments.
var inBinary = []int16{pgx.BinaryFormatCode}

// execBinary runs a statement, which is prepared once on each connection, and gives how many rows it inserted.
func execBinary(ctx context.Context, conn *pgx.Conn, name, query string, args [][]byte) (int64, error) {
	prepared, err := conn.Prepare(ctx, name, query)
	if err != nil {
		return 0, err
	}
	result := conn.PgConn().ExecStatement(ctx, prepared, args, inBinary, nil).Read()
	return result.CommandTag.RowsAffected(), result.Err
}

// binaryRow is an event as the columns of insertColumns, with room for one argument more.
func binaryRow(e *Event) [][]byte {
	numbers := make([]byte, 0, 4+2+8)
	numbers = binary.BigEndian.AppendUint32(numbers, uint32(e.Version))
	numbers = binary.BigEndian.AppendUint16(numbers, uint16(e.SchemaVersion)) // checked to be a smallint
	numbers = binary.BigEndian.AppendUint64(numbers, uint64(e.CreatedAt.UnixMicro()-postgresEpoch))
	return append(make([][]byte, 0, 10),
		[]byte(e.StreamID), numbers[:4], e.ID[:], []byte(e.Type), numbers[4:6], binaryJSON(e.Data), binaryJSON(e.Metadata), numbers[6:], e.Hash)
}

// binaryJSON is a jsonb: the version of its format, 1, and the text.
func binaryJSON(text []byte) []byte {
	return append(append(make([]byte, 0, 1+len(text)), 1), text...)
}

func binaryInt64(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
