package readmodel

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"
)

// queueRows queues a statement that takes rows as arrays, one for each field in the order of the fields, and unnests them side by side.
// Postgres reads them with much less work than the same rows as JSON: those of status_changes with an eighth of it. With unnest in
// the list of what is selected, not in FROM, it does not write them down in between, which saves another tenth.
func queueRows[T any](batch *pgx.Batch, query string, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	var arrays []any
	for _, field := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		if field.Anonymous {
			continue // its own fields follow
		}
		column, err := columnOf(reflect.ValueOf(rows), field)
		if err != nil {
			return fmt.Errorf("encode %s: %w", field.Name, err)
		}
		arrays = append(arrays, column)
	}
	batch.Queue(query, arrays...)
	return nil
}

// columnOf gives a field of all rows. Lists become JSON: an array of Postgres has none of different lengths.
func columnOf(rows reflect.Value, field reflect.StructField) (any, error) {
	texts := make([]string, rows.Len())
	switch field.Type.Kind() {
	case reflect.String: // of whatever type: pgx is fastest with plain ones
		for i := range texts {
			texts[i] = rows.Index(i).FieldByIndex(field.Index).String()
		}
		return texts, nil
	case reflect.Slice:
		for i := range texts {
			text, err := json.Marshal(rows.Index(i).FieldByIndex(field.Index).Interface())
			if err != nil {
				return nil, err
			}
			texts[i] = string(text)
		}
		return texts, nil
	default:
		column := reflect.MakeSlice(reflect.SliceOf(field.Type), rows.Len(), rows.Len())
		for i := range texts {
			column.Index(i).Set(rows.Index(i).FieldByIndex(field.Index))
		}
		return column.Interface(), nil
	}
}
