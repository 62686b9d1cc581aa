package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"orderly/client"
	"orderly/journal"
)

func tailCommand() *cobra.Command {
	var what client.Following
	cmd := &cobra.Command{
		Use:   "tail [ORDER]",
		Short: "Print what happens, as it happens: to one order from its first event on, or to all from now on",
		Long: "Print what happens, as it happens, one event a line: to one order from its first event on, or to all orders from now on.\n" +
			"It asks the API at ORDERLY_URL with the key ORDERLY_API_KEY, and ends with Ctrl-C. With --output json each line is an event;\n" +
			"its position is what --after takes.",
		Args: atMostOne,
	}
	cmd.Flags().StringVar(&what.After, "after", "", "begin behind the event at this position; 0.0 is before the first one of all")
	cmd.Flags().StringSliceVar(&what.Types, "types", nil, "only events of these types, as OrderCreated,PaymentReceived")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			if len(what.Types) > 0 {
				return usageError{errors.New("--types is for all orders, not for one")}
			}
			what.OrderID = args[0]
		}
		show := printTailed
		if *format == asJSON {
			show = func(w io.Writer, event client.StreamedEvent) error { return json.NewEncoder(w).Encode(event) }
		}
		return withAPI(func(api *client.ClientWithResponses) error {
			err := client.Follow(cmd.Context(), api, what, func(event client.StreamedEvent) error { return show(cmd.OutOrStdout(), event) })
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		})
	}
	return cmd
}

// printTailed prints an event as the timeline does.
func printTailed(w io.Writer, event client.StreamedEvent) error {
	entry, err := entryOf(event)
	if err != nil {
		return err
	}
	data, err := brief(entry, false)
	if err != nil {
		return err
	}
	by, err := cause(entry)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s  %s: v%-3d %s %s  %s\n", event.CreatedAt.Format(time.RFC3339Nano), event.OrderID, event.Version, event.EventType, data, by)
	return err
}

func entryOf(event client.StreamedEvent) (entry journal.Entry, err error) {
	entry = journal.Entry{Version: int(event.Version), EventType: event.EventType}
	if entry.Data, err = json.Marshal(event.Data); err != nil {
		return entry, err
	}
	entry.Metadata, err = json.Marshal(event.Metadata)
	return entry, err
}
