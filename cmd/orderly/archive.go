package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/journal"
)

func archiveCommand() *cobra.Command {
	var before, dir string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "archive --before TIME [--dir DIR] [--dry-run]",
		Short: "Move the events of orders that ended long ago into compressed files",
		Long: "Move the events of closed and cancelled orders, of which nothing was recorded since TIME, into compressed files. The\n" +
			"last event of each order stays in the table; everything goes on as before, and reads the rest from the file. Every\n" +
			"process of Orderly needs the directory from then on. Run it as the database's owner; it may be stopped and run again.",
		Args: exactly(0),
	}
	format := outputFlag(cmd)
	cmd.Flags().StringVar(&before, "before", "", "orders without any event since this moment (RFC 3339, as 2026-01-01T00:00:00Z)")
	cmd.Flags().StringVar(&dir, "dir", "", "where the files go, instead of ORDERLY_ARCHIVE_DIR")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be moved")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		moment, err := time.Parse(time.RFC3339Nano, before)
		if err != nil {
			return usageError{fmt.Errorf("--before: %w", err)}
		}
		if moment.After(time.Now()) {
			return usageError{errors.New("--before: is in the future")}
		}
		change := func(c *config.Config) {
			if dir != "" {
				c.ArchiveDir = dir
			}
		}
		return withJournalOf(cmd.Context(), change, func(j *journal.Journal) error {
			archived, err := archive(cmd.Context(), j, moment, dryRun, cmd.ErrOrStderr())
			if *format == asJSON {
				return errors.Join(err, printJSON(cmd.OutOrStdout(), archived))
			}
			return errors.Join(err, printArchived(cmd.OutOrStdout(), archived, dryRun))
		})
	}
	return cmd
}

// archive gives what was moved, also when it ends early with an error.
func archive(ctx context.Context, j *journal.Journal, before time.Time, dryRun bool, progress io.Writer) (eventstore.Archived, error) {
	if dryRun {
		var would eventstore.Archived
		for each, err := range j.Ended(ctx, before) {
			if err != nil {
				return would, err
			}
			would.Streams, would.Events = would.Streams+1, would.Events+each.Events
		}
		return would, nil
	}
	said := time.Now()
	return j.Archive(ctx, before, func(done eventstore.Archived) {
		if time.Since(said) < progressEvery {
			return
		}
		said = time.Now()
		fmt.Fprintf(progress, "archived %d orders, %d events\n", done.Streams, done.Events)
	})
}

func printArchived(w io.Writer, a eventstore.Archived, dryRun bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	verb := "archived"
	if dryRun {
		verb = "would archive"
	}
	fmt.Fprintf(table, "%s\t%d orders, %d events\n", verb, a.Streams, a.Events)
	if a.Skipped > 0 {
		fmt.Fprintf(table, "left\t%d orders that changed meanwhile\n", a.Skipped)
	}
	for _, file := range a.Files {
		fmt.Fprintf(table, "file\t%s\n", file)
	}
	if a.Bytes > 0 {
		fmt.Fprintf(table, "size\t%d bytes\n", a.Bytes)
	}
	return table.Flush()
}
