package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"orderly/journal"
	"orderly/order"
)

// change is a field of an order that differs between two versions; a side on which it is not there is null.
type change struct {
	Path   string `json:"path"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

func diffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff ORDER V1 V2",
		Short: "Print what changed in an order between two versions, field by field",
		Args:  exactly(3),
	}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var versions [2]int
		for i := range versions {
			version, err := strconv.Atoi(args[i+1])
			if err != nil || version < 1 {
				return usageError{fmt.Errorf("version %q: want a number from 1 on", args[i+1])}
			}
			versions[i] = version
		}
		return withJournal(cmd.Context(), func(j *journal.Journal) error {
			changes, err := diff(cmd, j, args[0], versions)
			if err != nil {
				return err
			}
			if *format == asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{
					"order_id": args[0], "from": versions[0], "to": versions[1], "changes": changes,
				})
			}
			return printChanges(cmd.OutOrStdout(), changes)
		})
	}
	return cmd
}

func diff(cmd *cobra.Command, j *journal.Journal, orderID string, versions [2]int) ([]change, error) {
	var states [2]order.State
	for i, version := range versions {
		var err error
		if states[i], err = j.LoadVersion(cmd.Context(), orderID, version); err != nil {
			return nil, err
		}
		if states[i].Version != version {
			return nil, fmt.Errorf("%s ends at version %d: it has no version %d", orderID, states[i].Version, version)
		}
	}
	return compareStates(states[0], states[1])
}

func compareStates(before, after order.State) ([]change, error) {
	left, err := fields(before)
	if err != nil {
		return nil, err
	}
	right, err := fields(after)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(left)
	maps.Copy(all, right)
	changes := []change{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(left[path], right[path]) {
			changes = append(changes, change{Path: path, Before: left[path], After: right[path]})
		}
	}
	return changes, nil
}

// fields are the values of a state by their paths, as in shipments[0].status.
func fields(state order.State) (map[string]any, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	found := map[string]any{}
	flatten(found, "", value)
	return found, nil
}

func flatten(into map[string]any, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, each := range value {
			flatten(into, strings.TrimPrefix(path+"."+name, "."), each)
		}
	case []any:
		for i, each := range value {
			flatten(into, fmt.Sprintf("%s[%d]", path, i), each)
		}
	case nil: // as one that is not there
	default:
		into[path] = value
	}
}

func printChanges(w io.Writer, changes []change) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIELD\tBEFORE\tAFTER")
	for _, c := range changes {
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.Path, shown(c.Before), shown(c.After))
	}
	return table.Flush()
}

// shown is a value as JSON, so that text is told from numbers, and - where there is none.
func shown(value any) string {
	if value == nil {
		return "-"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
