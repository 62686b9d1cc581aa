package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"orderly/api"
	"orderly/internal/config"
)

func bulkCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "bulk", Short: "Give a command to all orders that match, through the API", Args: noOther}
	cmd.RunE = func(*cobra.Command, []string) error {
		return usageError{errors.New("bulk what? start, show, suspend, resume or cancel")}
	}
	cmd.AddCommand(startBulkCommand(),
		onBulk("show", "Tell how far an operation is", http.MethodGet, ""),
		onBulk("suspend", "Stop an operation for a while", http.MethodPost, "/suspend"),
		onBulk("resume", "Let a suspended operation go on", http.MethodPost, "/resume"),
		onBulk("cancel", "End an operation; what was done stays", http.MethodPost, "/cancel"))
	return cmd
}

func startBulkCommand() *cobra.Command {
	var r api.BulkRequest
	var key string
	cmd := &cobra.Command{Use: "start retry|reroute|cancel", Short: "Begin an operation on all orders that match", Args: exactly(1)}
	flags := cmd.Flags()
	flags.StringVar(&r.Filter.Step, "step", "", "whose parked step is this, as BookShipment")
	flags.StringVar(&r.Filter.Code, "code", "", "whose parked step has this code")
	flags.StringVar(&r.Filter.Carrier, "carrier", "", "whose parked step is about a parcel of this carrier")
	flags.StringVar(&r.Filter.Status, "status", "", "that have this status")
	flags.StringVar(&r.Filter.CustomerID, "customer", "", "of this customer")
	flags.StringSliceVar(&r.Filter.OrderIDs, "orders", nil, "these orders, by commas")
	flags.StringVar(&r.Carrier, "to-carrier", "", "reroute: the carrier to take")
	flags.StringVar(&r.Warehouse, "to-warehouse", "", "reroute: the warehouse to send from")
	flags.StringVar(&r.Reason, "reason", "", "why; it is written down")
	flags.IntVar(&r.Rate, "rate", 20, "how many orders a second")
	flags.BoolVar(&r.DryRun, "dry-run", false, "only tell what matches")
	flags.StringVar(&key, "key", "", "Idempotency-Key; the same one never begins two operations (default a new one)")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.Command = args[0]
		if key == "" {
			key = uuid.NewString()
		}
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return askForBulk(cmd, *format, http.MethodPost, "/v1/bulk", key, body)
	}
	return cmd
}

func onBulk(name, short, method, path string) *cobra.Command {
	cmd := &cobra.Command{Use: name + " BULK_ID", Short: short, Args: exactly(1)}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return askForBulk(cmd, *format, method, "/v1/bulk/"+url.PathEscape(args[0])+path, uuid.NewString(), nil)
	}
	return cmd
}

func askForBulk(cmd *cobra.Command, format output, method, path, key string, body []byte) error {
	var o api.BulkOperation
	if err := askAPI(cmd.Context(), method, path, key, body, &o); err != nil {
		return err
	}
	if format == asJSON {
		return printJSON(cmd.OutOrStdout(), o)
	}
	return printBulk(cmd.OutOrStdout(), o)
}

func printBulk(out io.Writer, o api.BulkOperation) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	state := o.State
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

// askAPI makes a request to the API at ORDERLY_URL with the key in ORDERLY_API_KEY.
func askAPI(ctx context.Context, method, path, key string, body []byte, answer any) error {
	c, err := config.Load()
	if err != nil {
		return usageError{err}
	}
	if c.APIKey == "" {
		return usageError{errors.New("ORDERLY_API_KEY is not set: `orderly keys create NAME` makes a key")}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.PublicURL+path, bytes.NewReader(body))
	if err != nil {
		return usageError{fmt.Errorf("ORDERLY_URL: %w", err)}
	}
	request.Header.Set("Authorization", "Bearer "+c.APIKey)
	if method == http.MethodPost {
		request.Header.Set("Idempotency-Key", key)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the API at %s: %w", c.PublicURL, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest {
		return refusedByAPI(response)
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}

func refusedByAPI(response *http.Response) error {
	var problem api.Problem
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil || problem.Code == "" {
		return fmt.Errorf("the API answers %s", response.Status)
	}
	err := fmt.Errorf("the API answers %d %s: %s %s", problem.Status, problem.Code, problem.Title, problem.Detail)
	for _, fault := range problem.Errors {
		err = fmt.Errorf("%w; %s %s", err, fault.Pointer, fault.Detail)
	}
	return err
}
