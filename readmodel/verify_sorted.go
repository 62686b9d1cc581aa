package readmodel

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// sortedFetch is how many rows are fetched at a time: what is kept of them until their page comes is bounded.
const sortedFetch = 2000

// sortedRows are the rows of a table that has no index by order. The database sorts them once; they come from the first order to
// the last.
type sortedRows[T any] struct {
	table string
	// query gives all rows in the order of their orders' ids.
	query string
	scan  func(pgx.CollectableRow) (T, error)
	id    func(T) string

	open    bool
	pending []T // were fetched, and belong to what follows
}

// of gives the rows of the orders of a page, and of others between them. The pages must be asked for in their order.
func (s *sortedRows[T]) of(ctx context.Context, tx pgx.Tx, p ordersPage) ([]T, error) {
	if !s.open {
		if _, err := tx.Exec(ctx, `DECLARE `+s.cursor()+` NO SCROLL CURSOR FOR `+s.query); err != nil {
			return nil, fmt.Errorf("sort %s: %w", s.table, err)
		}
		s.open = true
	}
	var rows []T
	for {
		if len(s.pending) == 0 {
			if err := s.fetch(ctx, tx); err != nil || len(s.pending) == 0 {
				return rows, err
			}
		}
		mine, err := p.has(ctx, tx, s.id(s.pending[0]))
		if err != nil || !mine {
			return rows, err
		}
		rows = append(rows, s.pending[0])
		s.pending = s.pending[1:]
	}
}

func (s *sortedRows[T]) cursor() string { return pgx.Identifier{"verify_" + s.table}.Sanitize() }

func (s *sortedRows[T]) fetch(ctx context.Context, tx pgx.Tx) (err error) {
	rows, _ := tx.Query(ctx, `FETCH `+strconv.Itoa(sortedFetch)+` FROM `+s.cursor(), pgx.QueryExecModeDescribeExec)
	if s.pending, err = pgx.CollectRows(rows, s.scan); err != nil {
		return fmt.Errorf("read %s: %w", s.table, err)
	}
	return nil
}
