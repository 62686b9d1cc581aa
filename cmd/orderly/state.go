package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"orderly/journal"
	"orderly/order"
)

func stateCommand() *cobra.Command {
	var at string
	var version int
	cmd := &cobra.Command{
		Use:   "state ORDER [--at TIME | --version N]",
		Short: "Print an order as it is, or as it was",
		Args:  exactly(1),
	}
	format := outputFlag(cmd)
	cmd.Flags().StringVar(&at, "at", "", "as it was at this moment (RFC 3339, as 2026-11-23T14:00:00Z)")
	cmd.Flags().IntVar(&version, "version", 0, "as it was at this version")
	cmd.MarkFlagsMutuallyExclusive("at", "version")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withJournal(cmd.Context(), func(j *journal.Journal) error {
			state, err := stateOf(cmd, j, args[0], at, version)
			if err != nil {
				return err
			}
			if state, err = j.Reveal(cmd.Context(), state); err != nil {
				return err
			}
			if *format == asJSON {
				return printJSON(cmd.OutOrStdout(), state)
			}
			return printState(cmd.OutOrStdout(), state, j.PlanFor(state))
		})
	}
	return cmd
}

func stateOf(cmd *cobra.Command, j *journal.Journal, orderID, at string, version int) (order.State, error) {
	switch {
	case at != "":
		moment, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			return order.State{}, usageError{fmt.Errorf("--at: %w", err)}
		}
		return j.LoadAt(cmd.Context(), orderID, moment)
	case cmd.Flags().Changed("version"):
		if version < 1 {
			return order.State{}, usageError{fmt.Errorf("--version: must be at least 1")}
		}
		return j.LoadVersion(cmd.Context(), orderID, version)
	default:
		return j.Load(cmd.Context(), orderID)
	}
}

func printState(w io.Writer, s order.State, plan order.Plan) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("order", "%s, version %d", s.OrderID, s.Version)
	row("status", "%s", s.Status)
	row("customer", "%s", s.CustomerID)
	row("placed", "%s", s.PlacedAt.Format(time.RFC3339))
	row("changed", "%s", s.UpdatedAt.Format(time.RFC3339Nano))
	row("total", "%s", formatMinor(s.Total, s.Currency))
	row("payment", "%s, captured %s, refunded %s", s.Payment.State, formatMinor(s.Payment.Captured, s.Currency), formatMinor(s.Payment.Refunded, s.Currency))
	row("ship to", "%s", shipToText(s))
	row("stock", "%s", s.Stock.State)
	for _, shipment := range s.Shipments {
		row("shipment", "%s: %s, %s %s", shipment.ShipmentID, shipment.Status, shipment.Carrier, shipment.TrackingNumber)
	}
	for _, hold := range s.Holds {
		row("held", "%s since %s", hold.Code, hold.Since.Format(time.RFC3339))
	}
	for _, a := range s.Attention {
		row("attention", "%s: %s (%s) %s; possible: %v", a.AttentionID, a.Step, a.Code, a.Message, a.Allowed)
	}
	for _, step := range plan.Steps {
		row("next", "%s", step.Summary)
	}
	if plan.WaitingFor != "" {
		row("waits for", "%s", plan.WaitingFor)
	}
	if plan.Deadline != nil {
		row("deadline", "%s: %s", plan.Deadline.At.Format(time.RFC3339), plan.Deadline.Summary)
	}
	return table.Flush()
}

// shipToText is the address in a line, or why it cannot be shown.
func shipToText(s order.State) string {
	address := s.ShipTo.Clear
	switch {
	case !s.ErasedAt.IsZero():
		return s.ShipTo.Country + " (erased " + s.ErasedAt.Format(time.RFC3339) + ")"
	case address == nil && s.ShipTo.Sealed != nil:
		return s.ShipTo.Country + " (encrypted; it was erased, or ORDERLY_MASTER_KEYS is not set)"
	case address == nil:
		return s.ShipTo.Country
	}
	parts := []string{address.Name, address.Line1, address.Line2, address.City, address.Region, address.PostalCode, address.Country}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}
