package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/orchestrator"
	"orderly/projection"
	"orderly/readmodel"
	"orderly/workflows"
)

// lettersPage is how many dead letters are read at a time.
const lettersPage = 500

func projectionsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "projections", Short: "See how far the read models are, build them anew, and repair what could not be applied", Args: noOther}
	cmd.RunE = func(*cobra.Command, []string) error {
		return usageError{errors.New("projections what? list, rebuild, pause, resume, dead-letters, retry or skip")}
	}
	cmd.AddCommand(listProjectionsCommand(), rebuildCommand(), steerCommand("pause", "Stop a projection for a while; what is served stays as it is", workflows.PauseProjection),
		steerCommand("resume", "Let a paused projection go on where it was", workflows.ResumeProjection), deadLettersCommand(), retryLetterCommand(), skipLetterCommand())
	return cmd
}

func listProjectionsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "Tell how far each read model is", Args: exactly(0)}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withStore(cmd.Context(), func(pool *pgxpool.Pool, store *eventstore.Store) error {
			statuses, err := projection.Statuses(cmd.Context(), pool, store)
			if err != nil {
				return err
			}
			if *format == asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"projections": statuses})
			}
			return printProjections(cmd.OutOrStdout(), statuses)
		})
	}
	return cmd
}

func printProjections(w io.Writer, statuses []projection.Status) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "name\tshard\tversion\tstate\tbehind\tparked\tposition")
	for _, s := range statuses {
		state := s.State
		if s.State == projection.Rebuilding {
			state = fmt.Sprintf("rebuilding, %.0f %%", 100*s.Progress)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%d events, %.1f s\t%d\t%s\n", s.Name, s.Shard, s.Version, state, s.LagEvents, s.LagSeconds, s.ParkedEvents, s.Position)
	}
	return table.Flush()
}

func rebuildCommand() *cobra.Command {
	var all, detach bool
	cmd := &cobra.Command{
		Use:   "rebuild [NAME | --all]",
		Short: "Build read models anew beside those that are served, and put them in their place",
		Long: "Build read models anew from all events, archived ones too, while the present ones are served. A projector does the work; this\n" +
			"command shows how far it is, and may be stopped: the rebuild goes on. Rebuilding what is being rebuilt joins that.",
		Args: atMostOne,
	}
	cmd.Flags().BoolVar(&all, "all", false, "all read models")
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait for the end")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		names := args
		if all {
			names = projectionNames()
		}
		if len(names) == 0 || all && len(args) > 0 {
			return usageError{errors.New("rebuild what? a NAME, or --all")}
		}
		var wanted []projection.Projection
		for _, name := range names {
			p, err := projectionNamed(name)
			if err != nil {
				return usageError{err}
			}
			wanted = append(wanted, p)
		}
		c, err := config.Load()
		if err != nil {
			return usageError{err}
		}
		temporal, _, err := connectTemporal(c, zap.NewNop())
		if err != nil {
			return err
		}
		defer temporal.Close()
		return rebuild(cmd, temporal, wanted, detach)
	}
	return cmd
}

func rebuild(cmd *cobra.Command, temporal client.Client, wanted []projection.Projection, detach bool) error {
	group, ctx := errgroup.WithContext(cmd.Context())
	var names []string
	for _, p := range wanted {
		name := p.Name
		names = append(names, name)
		run, err := orchestrator.StartRebuild(ctx, temporal, name, p.Version)
		if err != nil {
			return err
		}
		if detach {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: being rebuilt\n", name)
			continue
		}
		group.Go(func() error {
			if err := run.Get(ctx, nil); err != nil {
				return fmt.Errorf("rebuild %s: %w", name, err)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: rebuilt\n", name)
			return err
		})
	}
	if detach {
		return nil
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() { watched <- watchRebuilds(watching, cmd.ErrOrStderr(), names) }()
	err := group.Wait()
	stop()
	return errors.Join(err, <-watched)
}

// watchRebuilds shows how far rebuilds are, until the context ends.
func watchRebuilds(ctx context.Context, w io.Writer, names []string) error {
	return withStore(ctx, func(pool *pgxpool.Pool, store *eventstore.Store) error {
		const steps = 1000
		shown := newProgress(w, "rebuilt", steps)
		defer shown.end()
		for {
			statuses, err := projection.Statuses(ctx, pool, store)
			if err != nil {
				return ignoreEnd(ctx, err)
			}
			done, of := 0.0, 0
			for _, s := range statuses {
				if s.Shard == 0 && slices.Contains(names, s.Name) {
					done, of = done+s.Progress, of+1
				}
			}
			share := done / float64(max(of, 1))
			shown.set(int64(share*steps), fmt.Sprintf("%.1f %%", 100*share))
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
}

// ignoreEnd is the error unless it comes of the context's end.
func ignoreEnd(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

func steerCommand(verb, short, signal string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := projectionNamed(args[0])
			if err != nil {
				return usageError{err}
			}
			c, err := config.Load()
			if err != nil {
				return usageError{err}
			}
			temporal, _, err := connectTemporal(c, zap.NewNop())
			if err != nil {
				return err
			}
			defer temporal.Close()
			if err := orchestrator.SteerProjection(cmd.Context(), temporal, p.Name, p.Shards, signal); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: told to %s\n", p.Name, verb)
			return err
		},
	}
}

func deadLettersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "dead-letters NAME", Short: "List the events that could not be applied, and those parked behind them", Args: exactly(1)}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := projectionNamed(args[0]); err != nil {
			return usageError{err}
		}
		return withStore(cmd.Context(), func(pool *pgxpool.Pool, _ *eventstore.Store) error {
			all := []projection.DeadLetter{}
			for after := (projection.LettersAfter{}); ; {
				page, err := projection.DeadLetters(cmd.Context(), pool, args[0], after, lettersPage)
				if err != nil {
					return err
				}
				all = append(all, page...)
				if len(page) < lettersPage {
					break
				}
				after = projection.LettersAfter{OrderID: page[len(page)-1].OrderID, Version: page[len(page)-1].Version}
			}
			if *format == asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"dead_letters": all})
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "id\torder\tversion\tevent\terror")
			for _, l := range all {
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", l.EventID, l.OrderID, l.Version, l.Type, l.Error)
			}
			return table.Flush()
		})
	}
	return cmd
}

func retryLetterCommand() *cobra.Command {
	return letterCommand("retry", "Apply the parked events of an order again, all of them or none", projection.Retry)
}

func skipLetterCommand() *cobra.Command {
	return letterCommand("skip", "Leave an event out of the read model, and apply those that are parked behind it", projection.Skip)
}

func letterCommand(
	verb, short string, do func(context.Context, *pgxpool.Pool, *eventstore.Store, projection.Projection, uuid.UUID) (int, error),
) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME ID", Short: short, Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := projectionNamed(args[0])
			if err != nil {
				return usageError{err}
			}
			id, err := uuid.Parse(args[1])
			if err != nil {
				return usageError{fmt.Errorf("%s is no id of a dead letter: `orderly projections dead-letters %s` lists them", args[1], args[0])}
			}
			return withStore(cmd.Context(), func(pool *pgxpool.Pool, store *eventstore.Store) error {
				applied, err := do(cmd.Context(), pool, store, p, id)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d events are no longer parked\n", applied)
				return err
			})
		},
	}
}

func projectionNamed(name string) (projection.Projection, error) {
	for _, p := range readmodel.Projections() {
		if p.Name == name {
			return p, nil
		}
	}
	return projection.Projection{}, fmt.Errorf("there is no projection %q: there are %v", name, projectionNames())
}

func projectionNames() []string {
	var names []string
	for _, p := range readmodel.Projections() {
		names = append(names, p.Name)
	}
	return names
}
