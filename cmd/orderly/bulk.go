package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"orderly/client"
)

func bulkCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "bulk", Short: "Give a command to all orders that match, through the API", Args: noOther}
	cmd.RunE = func(*cobra.Command, []string) error {
		return usageError{errors.New("bulk what? start, show, suspend, resume or cancel")}
	}
	cmd.AddCommand(startBulkCommand(),
		onBulk("show", "Tell how far an operation is", showBulk),
		onBulk("suspend", "Stop an operation for a while", suspendBulk),
		onBulk("resume", "Let a suspended operation go on", resumeBulk),
		onBulk("cancel", "End an operation; what was done stays", cancelBulk))
	return cmd
}

func startBulkCommand() *cobra.Command {
	var r client.BulkRequest
	var key, status string
	cmd := &cobra.Command{Use: "start retry|reroute|cancel", Short: "Begin an operation on all orders that match", Args: exactly(1)}
	flags := cmd.Flags()
	flags.StringVar(&r.Filter.Step, "step", "", "whose parked step is this, as BookShipment")
	flags.StringVar(&r.Filter.Code, "code", "", "whose parked step has this code")
	flags.StringVar(&r.Filter.Carrier, "carrier", "", "whose parked step is about a parcel of this carrier")
	flags.StringVar(&status, "status", "", "that have this status")
	flags.StringVar(&r.Filter.CustomerID, "customer", "", "of this customer")
	flags.StringSliceVar(&r.Filter.OrderIds, "orders", nil, "these orders, by commas")
	flags.StringVar(&r.Carrier, "to-carrier", "", "reroute: the carrier to take")
	flags.StringVar(&r.Warehouse, "to-warehouse", "", "reroute: the warehouse to send from")
	flags.StringVar(&r.Reason, "reason", "", "why; it is written down")
	flags.Int64Var(&r.Rate, "rate", 20, "how many orders a second")
	flags.BoolVar(&r.DryRun, "dry-run", false, "only tell what matches")
	flags.StringVar(&key, "key", "", "Idempotency-Key; the same one never begins two operations (default a new one)")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.Command, r.Filter.Status = client.BulkRequestCommand(args[0]), client.BulkFilterStatus(status)
		if key == "" {
			key = client.NewKey()
		}
		return tellBulk(cmd, *format, func(ctx context.Context, api *client.ClientWithResponses) (*client.BulkOperation, error) {
			begun, err := api.StartBulkWithResponse(ctx, &client.StartBulkParams{IdempotencyKey: key}, r)
			if err != nil {
				return nil, fmt.Errorf("start a bulk operation: %w", err)
			}
			return begun.JSON201, nil
		})
	}
	return cmd
}

// onBulk is a command about an operation that has begun.
func onBulk(name, short string, ask func(context.Context, *client.ClientWithResponses, string) (*client.BulkOperation, error)) *cobra.Command {
	cmd := &cobra.Command{Use: name + " BULK_ID", Short: short, Args: exactly(1)}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return tellBulk(cmd, *format, func(ctx context.Context, api *client.ClientWithResponses) (*client.BulkOperation, error) {
			o, err := ask(ctx, api, args[0])
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", name, args[0], err)
			}
			return o, nil
		})
	}
	return cmd
}

func showBulk(ctx context.Context, api *client.ClientWithResponses, id string) (*client.BulkOperation, error) {
	answer, err := api.GetBulkWithResponse(ctx, id, &client.GetBulkParams{})
	if err != nil {
		return nil, err
	}
	return answer.JSON200, nil
}

func suspendBulk(ctx context.Context, api *client.ClientWithResponses, id string) (*client.BulkOperation, error) {
	answer, err := api.SuspendBulkWithResponse(ctx, id, &client.SuspendBulkParams{IdempotencyKey: client.NewKey()})
	if err != nil {
		return nil, err
	}
	return answer.JSON200, nil
}

func resumeBulk(ctx context.Context, api *client.ClientWithResponses, id string) (*client.BulkOperation, error) {
	answer, err := api.ResumeBulkWithResponse(ctx, id, &client.ResumeBulkParams{IdempotencyKey: client.NewKey()})
	if err != nil {
		return nil, err
	}
	return answer.JSON200, nil
}

func cancelBulk(ctx context.Context, api *client.ClientWithResponses, id string) (*client.BulkOperation, error) {
	answer, err := api.CancelBulkWithResponse(ctx, id, &client.CancelBulkParams{IdempotencyKey: client.NewKey()})
	if err != nil {
		return nil, err
	}
	return answer.JSON200, nil
}

// tellBulk prints an operation that the API tells of.
func tellBulk(cmd *cobra.Command, format output, ask func(context.Context, *client.ClientWithResponses) (*client.BulkOperation, error)) error {
	return withAPI(func(api *client.ClientWithResponses) error {
		o, err := ask(cmd.Context(), api)
		if err != nil {
			return err
		}
		if format == asJSON {
			return printJSON(cmd.OutOrStdout(), o)
		}
		return printBulk(cmd.OutOrStdout(), o)
	})
}

func printBulk(out io.Writer, o *client.BulkOperation) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	state := string(o.State)
	if o.DryRun {
		state = "dry run"
	}
	_, _ = fmt.Fprintf(w, "%s\t%s\t%s\tby %s: %s\n", o.BulkID, o.Command, state, o.StartedBy, o.Reason)
	_, _ = fmt.Fprintf(w, "%d in all\t%d done\t%d refused\t%d failed\t%d pending\n", o.Total, o.Done, o.Refused, o.Failed, o.Pending)
	for _, r := range o.Results {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.OrderID, r.AttentionID, r.Status, r.Detail)
	}
	if o.NextCursor != "" {
		_, _ = fmt.Fprintf(w, "... the API lists more: GET /v1/bulk/%s?cursor=%s\n", o.BulkID, url.QueryEscape(o.NextCursor))
	}
	return w.Flush()
}
