package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/journal"
	"orderly/projection"
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
		return withOwner(cmd.Context(), func(pool *pgxpool.Pool) error {
			archived, err := archive(cmd.Context(), pool, archiving{moment, dir, dryRun}, cmd.ErrOrStderr())
			if *format == asJSON {
				return errors.Join(err, printJSON(cmd.OutOrStdout(), archived))
			}
			return errors.Join(err, printArchived(cmd.OutOrStdout(), archived, dryRun))
		})
	}
	return cmd
}

// archiving is what is to be archived, and where.
type archiving struct {
	before time.Time
	dir    string // the configured one when empty
	dryRun bool
}

// archive gives what was moved, also when it ends early with an error.
func archive(ctx context.Context, pool *pgxpool.Pool, wish archiving, progress io.Writer) (eventstore.Archived, error) {
	c, err := config.Load()
	if err != nil {
		return eventstore.Archived{}, err
	}
	store := eventstore.New(pool, eventstore.Options{ArchiveDir: cmp.Or(wish.dir, c.ArchiveDir)})
	if err := projectedUntil(ctx, pool, store, wish.before); err != nil {
		return eventstore.Archived{}, err
	}
	j := journal.New(store, c.Policy, journal.Options{})
	if wish.dryRun {
		var would eventstore.Archived
		for each, err := range j.Ended(ctx, wish.before) {
			if err != nil {
				return would, err
			}
			would.Streams, would.Events = would.Streams+1, would.Events+each.Events
		}
		return would, nil
	}
	said := time.Now()
	return j.Archive(ctx, wish.before, func(done eventstore.Archived) {
		if time.Since(said) < progressEvery {
			return
		}
		said = time.Now()
		fmt.Fprintf(progress, "archived %d orders, %d events\n", done.Streams, done.Events)
	})
}

// projectedUntil refuses while a read model still needs events of before a moment: the feed does not go into the archive.
func projectedUntil(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store, before time.Time) error {
	statuses, err := projection.Statuses(ctx, pool, store)
	if err != nil {
		return err
	}
	for _, status := range statuses {
		oldest := time.Now().Add(-time.Duration(status.LagSeconds * float64(time.Second)))
		switch {
		case status.State == projection.Rebuilding:
			return fmt.Errorf("the read model %s is being rebuilt: wait until that is done", status.Name)
		case status.ParkedEvents > 0:
			return fmt.Errorf("the read model %s has %d parked events, which it would miss: repair it first", status.Name, status.ParkedEvents)
		case status.LagEvents > 0 && oldest.Before(before):
			return fmt.Errorf("the read model %s has come only to %s: wait, or name an earlier --before", status.Name, oldest.Format(time.RFC3339))
		}
	}
	return nil
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
