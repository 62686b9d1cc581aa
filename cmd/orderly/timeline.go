package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"orderly/journal"
)

func timelineCommand() *cobra.Command {
	var verbose bool
	cmd := &cobra.Command{
		Use:   "timeline ORDER",
		Short: "Print what happened to an order, one event a line",
		Args:  exactly(1),
	}
	format := outputFlag(cmd)
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "print all data of each event")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withJournal(cmd.Context(), func(j *journal.Journal) error {
			entries, err := j.Events(cmd.Context(), args[0], journal.Upcast)
			if err != nil {
				return err
			}
			if *format == asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"order_id": args[0], "events": entries})
			}
			return printTimeline(cmd.OutOrStdout(), args[0], entries, verbose)
		})
	}
	return cmd
}

func printTimeline(w io.Writer, orderID string, entries []journal.Entry, verbose bool) error {
	named := func(entry journal.Entry) string { return fmt.Sprintf("v%d %s", entry.Version, entry.EventType) }
	widest := 0
	for _, entry := range entries {
		widest = max(widest, len(named(entry)))
	}
	lead := orderID + ":"
	for _, entry := range entries {
		data, err := brief(entry, verbose)
		if err != nil {
			return err
		}
		by, err := cause(entry)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%-*s %-*s %s  %s  %s\n", len(orderID)+1, lead, widest, named(entry),
			data, entry.CreatedAt.Format(time.RFC3339Nano), by)
		lead = ""
	}
	return nil
}

// cause says who did it and by which command.
func cause(entry journal.Entry) (string, error) {
	var metadata journal.Metadata
	if err := json.Unmarshal(entry.Metadata, &metadata); err != nil {
		return "", fmt.Errorf("metadata of version %d: %w", entry.Version, err)
	}
	text := fmt.Sprintf("by %s %s (%s)", metadata.Actor.Type, metadata.Actor.ID, metadata.CommandID)
	if metadata.Reason != "" {
		text += ": " + metadata.Reason
	}
	return text, nil
}

// telling are the fields that say most about an event, in the order in which they are printed.
var telling = []string{
	"customer_id", "shipment_id", "method", "amount", "total", "decision", "step", "carrier", "tracking_number", "code", "class",
	"kind", "choice", "attention_id", "refund_id", "refunded_amount", "warehouse", "reason", "text",
}

// brief is the data of an event in short, as in {method: card, amount: $99.99}.
func brief(entry journal.Entry, verbose bool) (string, error) {
	if verbose {
		return string(entry.Data), nil
	}
	var data map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(entry.Data)))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return "", fmt.Errorf("data of version %d: %w", entry.Version, err)
	}
	var parts []string
	for _, name := range telling {
		if value, there := data[name]; there && value != "" && (name != "method" || entry.EventType != "OrderCreated") { // told when it is used
			parts = append(parts, fmt.Sprintf("%s: %s", strings.TrimSuffix(name, "_id"), display(name, value, data)))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}
