package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"orderly/internal/fielddiff"
	"orderly/journal"
	"orderly/order"
)

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

func diff(cmd *cobra.Command, j *journal.Journal, orderID string, versions [2]int) ([]fielddiff.Change, error) {
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
	return fielddiff.Compare(states[0], states[1])
}

func printChanges(w io.Writer, changes []fielddiff.Change) error {
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
