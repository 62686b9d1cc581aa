package eventstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/postgres"
	"orderly/internal/testkit"
)

// BenchmarkPartitions compares the table of events as it is with one of the same columns and indexes in 16 partitions by the
// hash of the stream. PARTITION_ROWS says how many rows lie in each before it is measured.
func BenchmarkPartitions(b *testing.B) {
	rows, err := strconv.Atoi(os.Getenv("PARTITION_ROWS"))
	if err != nil {
		rows = 20_000
	}
	pool, err := postgres.Open(b.Context(), testkit.DatabaseURL(b), postgres.Options{MaxConns: 16})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	for _, layout := range []struct{ name, partitions string }{{"plain", ""}, {"hashed", "PARTITION BY HASH (order_id)"}} {
		makeEvents(b, pool, layout.name, layout.partitions, rows)
	}
	for _, name := range []string{"plain", "hashed"} {
		t := partitionBench{pool: pool, table: "events_" + name, rows: rows}
		b.Run("insert/"+name, t.insert)
		b.Run("load/"+name, t.load)
		b.Run("feed/"+name, t.feed)
	}
}

func makeEvents(b *testing.B, pool *pgxpool.Pool, name, partitions string, rows int) {
	b.Helper()
	table := "events_" + name
	statements := []string{
		`SET statement_timeout = 0`,
		`CREATE TABLE ` + table + ` (LIKE order_events INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS,
			PRIMARY KEY (order_id, version)) ` + partitions,
	}
	if partitions != "" {
		for i := range 16 {
			statements = append(statements, fmt.Sprintf(`CREATE TABLE %s_%d PARTITION OF %s FOR VALUES WITH (MODULUS 16, REMAINDER %d)`, table, i, table, i))
		}
	}
	statements = append(statements, `CREATE INDEX ON `+table+` (tx, position)`, fmt.Sprintf(`
		INSERT INTO %s (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT 'h' || n / 12, n %% 12 + 1, gen_random_uuid(), 'T', 1, '{"key": "ord_1/reserve/1", "amount": 4999}', '{"command_id": "c", "source": "workflow"}',
			now(), sha256(n::text::bytea)
		FROM generate_series(0, %d) AS n`, table, rows-1), `ANALYZE `+table)
	conn, err := pool.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Release()
	for _, statement := range statements {
		if _, err := conn.Exec(b.Context(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
}

type partitionBench struct {
	pool  *pgxpool.Pool
	table string
	rows  int
}

func (t partitionBench) insert(b *testing.B) {
	query := `INSERT INTO ` + t.table + ` (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		VALUES ($1, $2, $3, 'T', 1, '{"key": "ord_1/reserve/1", "amount": 4999}', '{"command_id": "c", "source": "workflow"}', now(), $4) RETURNING tx, position`
	var failed atomic.Pointer[error]
	hash := make([]byte, 32)
	b.SetParallelism(4) // 4 for each core
	b.RunParallel(func(pb *testing.PB) {
		stream, version := uuid.NewString(), 0
		for pb.Next() {
			if version++; version > 12 {
				stream, version = uuid.NewString(), 1
			}
			if _, err := t.pool.Exec(context.Background(), query, stream, version, uuid.New(), hash); err != nil {
				failed.Store(&err)
			}
		}
	})
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
}

func (t partitionBench) load(b *testing.B) {
	query := `SELECT count(data), max(version) FROM ` + t.table + ` WHERE order_id = $1 AND version > 0`
	for b.Loop() {
		var n, last int
		if err := t.pool.QueryRow(b.Context(), query, fmt.Sprintf("h%d", rand.IntN(t.rows/12))).Scan(&n, &last); err != nil || n != 12 {
			b.Fatal(n, err)
		}
	}
}

func (t partitionBench) feed(b *testing.B) {
	query := `SELECT count(data) FROM (SELECT data FROM ` + t.table + `
		WHERE (tx, position) > ('0'::xid8, $1::bigint) AND tx < pg_snapshot_xmin(pg_current_snapshot())
		ORDER BY tx, position LIMIT 500) page`
	for b.Loop() {
		var n int
		if err := t.pool.QueryRow(b.Context(), query, 0).Scan(&n); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}
