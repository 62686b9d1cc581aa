package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"orderly/client"
)

func webhooksCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "webhooks", Short: "Say where events are sent, see what arrived, and send it again, through the API", Args: noOther}
	cmd.RunE = func(*cobra.Command, []string) error {
		return usageError{errors.New("webhooks what? list, add, rotate, enable, delete, deliveries, dead-letters or replay")}
	}
	cmd.AddCommand(listEndpointsCommand(), addEndpointCommand(), rotateEndpointCommand(), enableEndpointCommand(), deleteEndpointCommand(),
		deliveriesCommand(), deadDeliveriesCommand(), replayCommand())
	return cmd
}

func listEndpointsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List where events are sent, the oldest first", Args: exactly(0)}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withAPI(func(api *client.ClientWithResponses) error {
			listed, err := api.ListWebhookEndpointsWithResponse(cmd.Context())
			if err != nil {
				return fmt.Errorf("list webhook endpoints: %w", err)
			}
			if *format == asJSON {
				return printJSON(cmd.OutOrStdout(), listed.JSON200)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ENDPOINT\tSTATUS\tURL\tEVENTS\tDESCRIPTION")
			for _, each := range listed.JSON200.Endpoints {
				status := string(each.Status)
				if each.DisabledReason != "" {
					status += ": " + each.DisabledReason
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", each.EndpointID, status, each.URL, eventTypes(each), each.Description)
			}
			return table.Flush()
		})
	}
	return cmd
}

// eventTypes is which events an endpoint is sent.
func eventTypes(e client.WebhookEndpoint) string {
	if len(e.EventTypes) == 0 {
		return "all"
	}
	return strings.Join(e.EventTypes, ",")
}

func addEndpointCommand() *cobra.Command {
	var endpoint client.NewWebhookEndpoint
	cmd := &cobra.Command{Use: "add URL", Short: "Have events sent somewhere; prints the secret that signs them, this once", Args: exactly(1)}
	cmd.Flags().StringSliceVar(&endpoint.EventTypes, "event", nil, "only events of this type, as OrderShipped; several by commas")
	cmd.Flags().StringVar(&endpoint.Description, "description", "", "what it is for")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		endpoint.URL = args[0]
		return withAPI(func(api *client.ClientWithResponses) error {
			made, err := api.CreateWebhookEndpointWithResponse(cmd.Context(), &client.CreateWebhookEndpointParams{IdempotencyKey: client.NewKey()}, endpoint)
			if err != nil {
				return fmt.Errorf("add %s: %w", endpoint.URL, err)
			}
			return printEndpoint(cmd.OutOrStdout(), *format, made.JSON201)
		})
	}
	return cmd
}

func rotateEndpointCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "rotate ENDPOINT", Short: "Sign with another secret, and for a while with both; prints it, this once", Args: exactly(1)}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withAPI(func(api *client.ClientWithResponses) error {
			rotated, err := api.RotateWebhookSecretWithResponse(cmd.Context(), args[0], &client.RotateWebhookSecretParams{IdempotencyKey: client.NewKey()})
			if err != nil {
				return fmt.Errorf("rotate the secret of %s: %w", args[0], err)
			}
			return printEndpoint(cmd.OutOrStdout(), *format, rotated.JSON200)
		})
	}
	return cmd
}

func enableEndpointCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "enable ENDPOINT", Short: "Go on with an endpoint that was disabled", Args: exactly(1)}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withAPI(func(api *client.ClientWithResponses) error {
			enabled, err := api.EnableWebhookEndpointWithResponse(cmd.Context(), args[0], &client.EnableWebhookEndpointParams{IdempotencyKey: client.NewKey()})
			if err != nil {
				return fmt.Errorf("enable %s: %w", args[0], err)
			}
			return printEndpoint(cmd.OutOrStdout(), *format, enabled.JSON200)
		})
	}
	return cmd
}

func deleteEndpointCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete ENDPOINT", Short: "Send nothing there any more, and forget what was sent", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withAPI(func(api *client.ClientWithResponses) error {
				if _, err := api.DeleteWebhookEndpointWithResponse(cmd.Context(), args[0]); err != nil {
					return fmt.Errorf("delete %s: %w", args[0], err)
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: deleted\n", args[0])
				return err
			})
		},
	}
}

func printEndpoint(w io.Writer, format output, e *client.WebhookEndpoint) error {
	if format == asJSON {
		return printJSON(w, e)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "endpoint\t%s\nurl\t%s\nevents\t%s\nstatus\t%s\n", e.EndpointID, e.URL, eventTypes(*e), e.Status)
	if e.Secret != "" {
		fmt.Fprintf(table, "secret\t%s\n", e.Secret)
	}
	if !e.OldSecretUntil.IsZero() {
		fmt.Fprintf(table, "old secret\tsigns, too, until %s\n", e.OldSecretUntil.Format(time.RFC3339))
	}
	return table.Flush()
}

func deliveriesCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "deliveries ENDPOINT", Short: "List what was sent, or is to be, the latest first", Args: exactly(1)}
	status := cmd.Flags().String("status", "", "only these: pending, delivered or dead")
	return listsDeliveries(cmd, func() string { return *status })
}

func deadDeliveriesCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "dead-letters ENDPOINT", Short: "List what was given up, the latest first: replay it", Args: exactly(1)}
	return listsDeliveries(cmd, func() string { return dead })
}

// dead is the status of deliveries that were given up.
const dead = string(client.ListWebhookDeliveriesParamsStatusDead)

func listsDeliveries(cmd *cobra.Command, status func() string) *cobra.Command {
	limit := cmd.Flags().Int("limit", 50, "how many at most; 0 for all")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *limit < 0 {
			return usageError{errors.New("--limit: cannot be negative")}
		}
		return withAPI(func(api *client.ClientWithResponses) error {
			deliveries, err := deliveries(cmd.Context(), api, args[0], status(), *limit)
			if err != nil {
				return err
			}
			return printDeliveries(cmd.OutOrStdout(), *format, deliveries)
		})
	}
	return cmd
}

// deliveries are an endpoint's, the latest first: all of them when the limit is 0, and of any status when that is empty.
func deliveries(ctx context.Context, api *client.ClientWithResponses, endpoint, status string, limit int) ([]client.WebhookDelivery, error) {
	all := []client.WebhookDelivery{}
	wanted := client.ListWebhookDeliveriesParams{}
	if status != "" {
		only := client.ListWebhookDeliveriesParamsStatus(status)
		wanted.Status = &only
	}
	for {
		page, err := api.ListWebhookDeliveriesWithResponse(ctx, endpoint, &wanted)
		if err != nil {
			return nil, fmt.Errorf("list the deliveries to %s: %w", endpoint, err)
		}
		all = append(all, page.JSON200.Deliveries...)
		if limit > 0 && len(all) >= limit {
			return all[:limit], nil
		}
		if page.JSON200.NextCursor == "" {
			return all, nil
		}
		wanted.Cursor = &page.JSON200.NextCursor
	}
}

func printDeliveries(w io.Writer, format output, deliveries []client.WebhookDelivery) error {
	if format == asJSON {
		return printJSON(w, map[string]any{"deliveries": deliveries})
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DELIVERY\tORDER\tVERSION\tEVENT\tSTATUS\tATTEMPTS\tQUEUED\tANSWER")
	for _, d := range deliveries {
		answer := d.Detail
		if answer == "" && d.HTTPStatus != 0 {
			answer = fmt.Sprint(d.HTTPStatus)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%d\t%s\t%s\n", d.DeliveryID, d.OrderID, d.Version, d.EventType, d.Status, d.Attempts, d.QueuedAt.Format(time.RFC3339), answer)
	}
	return table.Flush()
}

func replayCommand() *cobra.Command {
	var allDead bool
	cmd := &cobra.Command{
		Use: "replay ENDPOINT [DELIVERY... | --dead]", Short: "Send events once more, or all that were given up",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || allDead != (len(args) == 1) {
				return usageError{errors.New("replay what? ENDPOINT and its DELIVERY ids, or ENDPOINT --dead")}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&allDead, "dead", false, "all that were given up")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withAPI(func(api *client.ClientWithResponses) error {
			ids := args[1:]
			if allDead {
				lost, err := deliveries(cmd.Context(), api, args[0], dead, 0)
				if err != nil {
					return err
				}
				for _, each := range slices.Backward(lost) { // in the order in which they were queued
					ids = append(ids, each.DeliveryID)
				}
			}
			replayed, err := replay(cmd.Context(), api, args[0], ids)
			if err != nil && len(replayed) == 0 {
				return err
			}
			return errors.Join(printDeliveries(cmd.OutOrStdout(), *format, replayed), err)
		})
	}
	return cmd
}

// replay makes deliveries due, and gives those that are, up to the first that could not be made so.
func replay(ctx context.Context, api *client.ClientWithResponses, endpoint string, ids []string) ([]client.WebhookDelivery, error) {
	replayed := []client.WebhookDelivery{}
	for _, id := range ids {
		again, err := api.ReplayWebhookDeliveryWithResponse(ctx, endpoint, id, &client.ReplayWebhookDeliveryParams{IdempotencyKey: client.NewKey()})
		if err != nil {
			return replayed, fmt.Errorf("replay %s to %s: %w", id, endpoint, err)
		}
		replayed = append(replayed, *again.JSON200)
	}
	return replayed, nil
}
