package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"orderly/client"
	"orderly/internal/config"
)

func attentionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "attention", Short: "List the parked steps of orders, and retry, resolve or cancel", Args: noOther}
	cmd.RunE = func(*cobra.Command, []string) error {
		return usageError{errors.New("attention what? list, retry, resolve or cancel")}
	}
	cmd.AddCommand(listAttentionCommand(), retryCommand(), resolveCommand(), cancelCommand())
	return cmd
}

// withAPI gives a command a client of the API at ORDERLY_URL, with the key ORDERLY_API_KEY.
func withAPI(do func(*client.ClientWithResponses) error) error {
	c, err := config.Load()
	if err != nil {
		return usageError{err}
	}
	if c.APIKey == "" {
		return usageError{errors.New("ORDERLY_API_KEY is not set: `orderly keys create NAME` makes one")}
	}
	api, err := client.New(c.PublicURL, c.APIKey, client.Options{})
	if err != nil {
		return usageError{err}
	}
	return do(api)
}

func listAttentionCommand() *cobra.Command {
	var step, code, carrier string
	cmd := &cobra.Command{Use: "list", Short: "List what waits for an operator, the oldest first", Args: exactly(0)}
	cmd.Flags().StringVar(&step, "step", "", "only this step, as BookShipment")
	cmd.Flags().StringVar(&code, "code", "", "only this code, as no_capacity")
	cmd.Flags().StringVar(&carrier, "carrier", "", "only parcels of this carrier")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withAPI(func(api *client.ClientWithResponses) error {
			entries, err := allAttention(cmd.Context(), api, client.ListAttentionParams{Step: &step, Code: &code, Carrier: &carrier})
			if err != nil {
				return err
			}
			if *format == asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"attention": entries})
			}
			return printAttention(cmd.OutOrStdout(), entries)
		})
	}
	return cmd
}

func allAttention(ctx context.Context, api *client.ClientWithResponses, filter client.ListAttentionParams) ([]client.AttentionEntry, error) {
	entries := []client.AttentionEntry{}
	for {
		page, err := api.ListAttentionWithResponse(ctx, &filter)
		if err != nil {
			return nil, fmt.Errorf("list the work queue: %w", err)
		}
		entries = append(entries, page.JSON200.Attention...)
		if page.JSON200.NextCursor == "" {
			return entries, nil
		}
		filter.Cursor = &page.JSON200.NextCursor
	}
}

func printAttention(w io.Writer, entries []client.AttentionEntry) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ORDER\tATTENTION\tSTEP\tCODE\tSINCE\tMESSAGE")
	for _, each := range entries {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", each.OrderID, each.AttentionID, each.Step, each.Code, each.Since.Format(time.RFC3339), each.Message)
	}
	return table.Flush()
}

func retryCommand() *cobra.Command {
	var repair client.Repair
	cmd := &cobra.Command{Use: "retry ORDER ATTENTION", Short: "Start a parked step again", Args: exactly(2)}
	cmd.Flags().StringVar(&repair.Reason, "reason", "", "why, for the order's timeline")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withAPI(func(api *client.ClientWithResponses) error {
			done, err := api.RetryStepWithResponse(cmd.Context(), args[0], args[1], &client.RetryStepParams{IdempotencyKey: client.NewKey()}, repair)
			if err != nil {
				return fmt.Errorf("retry %s of %s: %w", args[1], args[0], err)
			}
			return printOrder(cmd.OutOrStdout(), done.JSON200)
		})
	}
	return cmd
}

func resolveCommand() *cobra.Command {
	var repair client.Repair
	cmd := &cobra.Command{Use: "resolve ORDER ATTENTION", Short: "Say that a parked step was done by hand", Args: exactly(2)}
	cmd.Flags().StringVar(&repair.Reason, "reason", "", "why, for the order's timeline")
	cmd.Flags().StringVar(&repair.ExternalRef, "external-ref", "", "what was done is called elsewhere, as a tracking number")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withAPI(func(api *client.ClientWithResponses) error {
			done, err := api.ResolveStepWithResponse(cmd.Context(), args[0], args[1], &client.ResolveStepParams{IdempotencyKey: client.NewKey()}, repair)
			if err != nil {
				return fmt.Errorf("resolve %s of %s: %w", args[1], args[0], err)
			}
			return printOrder(cmd.OutOrStdout(), done.JSON200)
		})
	}
	return cmd
}

func cancelCommand() *cobra.Command {
	var cancellation client.Cancellation
	cmd := &cobra.Command{Use: "cancel ORDER", Short: "Cancel an order and undo what it did", Args: exactly(1)}
	cmd.Flags().StringVar(&cancellation.Reason, "reason", "cancelled by an operator", "why, for the order's timeline")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withAPI(func(api *client.ClientWithResponses) error {
			done, err := api.CancelOrderWithResponse(cmd.Context(), args[0], &client.CancelOrderParams{IdempotencyKey: client.NewKey()}, cancellation)
			if err != nil {
				return fmt.Errorf("cancel %s: %w", args[0], err)
			}
			return printOrder(cmd.OutOrStdout(), done.JSON200)
		})
	}
	return cmd
}

func printOrder(w io.Writer, order *client.Order) error {
	_, err := fmt.Fprintf(w, "%s: %s at version %d\n", order.OrderID, order.Status, order.Version)
	return err
}
