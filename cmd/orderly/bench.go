package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"orderly/bench"
	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/internal/postgres"
	"orderly/projection"
	"orderly/readmodel"
)

// benchOptions are the flags.
type benchOptions struct {
	only, save, profile                                         string
	orders, rounds, inFlight, appends, history, events, changes int
	underWay, past                                              []int
	minutes                                                     float64
	progress                                                    io.Writer
}

// benches are the parts of the benchmark, in the order in which they run.
var benches = []struct {
	name string
	run  func(context.Context, benchOptions) ([]bench.Row, error)
}{{"lifecycle", benchLifecycle}, {"eventstore", benchStore}, {"projections", benchProjections}, {"memory", benchMemory}, {"growth", benchGrowth}, {"instances", benchInstances}, {soakPart, benchSoak}}

func benchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure Orderly against the floor of this machine, on the servers in the environment (see `make bench`)",
		Args:  exactly(0),
	}
	format := outputFlag(cmd)
	cmd.Flags().StringVar(&o.only, "only", "", "only this part: lifecycle, eventstore, projections, memory, growth, instances, or soak, which is done by its name alone")
	cmd.Flags().StringVar(&o.save, "save", "", "write the rows into this file, too, as JSON")
	cmd.Flags().StringVar(&o.profile, "profile", "", "write a CPU profile of the measuring process into this file, for go tool pprof")
	cmd.Flags().IntVar(&o.rounds, "rounds", 3, "rounds; the median counts")
	cmd.Flags().IntVar(&o.orders, "orders", 400, "orders in each round")
	cmd.Flags().IntVar(&o.inFlight, "in-flight", 50, "orders under way at a time")
	cmd.Flags().IntVar(&o.appends, "appends", 8000, "appends in each round")
	cmd.Flags().IntVar(&o.history, "history", 1_000_000, "events of other orders in the table for the rows about growth; 0 for none")
	cmd.Flags().IntVar(&o.events, "events", 100_000, "events that the read models catch up with, and are built anew of")
	cmd.Flags().IntSliceVar(&o.underWay, "under-way", []int{100, 1000}, "orders under way at which the memory is measured, in ascending order")
	cmd.Flags().IntSliceVar(&o.past, "past", []int{1000, 100_000}, "closed orders of the past with which lives and reads are measured, in ascending order")
	cmd.Flags().IntVar(&o.changes, "changes", 10_000_000, "changes of status in the history that is counted in")
	cmd.Flags().Float64Var(&o.minutes, "minutes", 30, "how long the soak takes")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.progress = cmd.ErrOrStderr()
		for flag, numbers := range map[string][]int{"--under-way": o.underWay, "--past": o.past} {
			if len(numbers) == 0 || numbers[0] < 1 || !slices.IsSorted(numbers) {
				return usageError{fmt.Errorf("%s: want numbers in ascending order, as 100,1000", flag)}
			}
		}
		stop, err := startProfile(o.profile)
		if err != nil {
			return err
		}
		defer stop()
		var rows []bench.Row
		for _, each := range benches {
			if o.only != each.name && (o.only != "" || each.name == soakPart) {
				continue
			}
			measured, err := each.run(cmd.Context(), o)
			if err != nil {
				return fmt.Errorf("bench %s: %w", each.name, err)
			}
			rows = append(rows, measured...)
		}
		if len(rows) == 0 {
			return usageError{fmt.Errorf("--only %s: there is no such part", o.only)}
		}
		report := map[string]any{"rows": rows}
		if o.save != "" {
			if err := saveJSON(o.save, report); err != nil {
				return err
			}
		}
		if *format == asJSON {
			return printJSON(cmd.OutOrStdout(), report)
		}
		return bench.Print(cmd.OutOrStdout(), rows)
	}
	cmd.AddCommand(benchRebuildCommand())
	return cmd
}

// startProfile writes a CPU profile of this process into a file until it is stopped; without a file it does nothing.
func startProfile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // a profile that is cut short says so when it is read
	}, nil
}

// saveJSON writes a file.
func saveJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// benchStore measures the event store on databases of its own.
func benchStore(ctx context.Context, o benchOptions) (rows []bench.Row, err error) {
	options := bench.StoreOptions{Appends: o.appends, Rounds: o.rounds, History: o.history, Progress: o.progress}
	for i, pool := range []**pgxpool.Pool{&options.Pool, &options.Grown} {
		var drop func() error
		if *pool, drop, err = benchDatabase(ctx, i); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, drop()) }()
	}
	return bench.Store(ctx, options)
}

// benchProjections measures the read models on databases of its own, and a rebuild in a process of its own.
func benchProjections(ctx context.Context, o benchOptions) (rows []bench.Row, err error) {
	options := bench.ProjectionOptions{Events: o.events, Changes: o.changes, Rounds: o.rounds, Progress: o.progress}
	for i, pool := range []**pgxpool.Pool{&options.Pool, &options.Large} {
		var drop func() error
		if *pool, drop, err = benchDatabase(ctx, i); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, drop()) }()
	}
	options.Rebuild = func(ctx context.Context) (time.Duration, int64, error) {
		cmd := exec.CommandContext(ctx, os.Args[0], "bench", "rebuild", options.Pool.Config().ConnString())
		cmd.Stderr = o.progress
		output, err := cmd.Output()
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", cmd, err)
		}
		var rebuilt rebuiltReport
		err = json.Unmarshal(output, &rebuilt)
		return rebuilt.Took, rebuilt.Peak, err
	}
	return bench.Projections(ctx, options)
}

// rebuiltReport is what a rebuild took: nanoseconds, and bytes of memory at the most.
type rebuiltReport struct {
	Took time.Duration `json:"took"`
	Peak int64         `json:"peak"`
}

// benchRebuildCommand is a process in which nothing but a rebuild takes memory.
func benchRebuildCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "rebuild DATABASE_URL", Short: "Build the read models of a benchmark's database anew, and measure it", Args: exactly(1), Hidden: true}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		pool, err := postgres.Open(cmd.Context(), args[0], postgres.Options{Name: "orderly-bench"})
		if err != nil {
			return err
		}
		defer pool.Close()
		store := eventstore.New(pool, eventstore.Options{})
		began := time.Now()
		group, ctx := errgroup.WithContext(cmd.Context())
		for _, p := range readmodel.Projections() { // all at once, as a projector does
			group.Go(func() error { return projection.NewRebuilder(pool, store, nil, p).Run(ctx, nil) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		took := time.Since(began)
		peak, err := peakMemory()
		if err != nil {
			return err
		}
		return printJSON(cmd.OutOrStdout(), rebuiltReport{took, peak})
	}
	return cmd
}

// peakMemory is the most memory that this process has had, in bytes: VmHWM of proc(5).
func peakMemory() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if kilobytes, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kilobytes), "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("/proc/self/status does not say how much memory the process has had")
}

// benchDatabase makes a database to measure on, with a connection for each writer.
func benchDatabase(ctx context.Context, number int) (pool *pgxpool.Pool, drop func() error, err error) {
	c, err := config.Load()
	if err != nil {
		return nil, nil, err
	}
	name := fmt.Sprintf("orderly_bench_%d_%d", os.Getpid(), number)
	if err := onDatabase(ctx, c.DatabaseURL, "CREATE DATABASE "+name); err != nil {
		return nil, nil, err
	}
	remove := func() error {
		return onDatabase(context.WithoutCancel(ctx), c.DatabaseURL, "DROP DATABASE "+name+" WITH (FORCE)")
	}
	database, err := url.Parse(c.DatabaseURL)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("DATABASE_URL: %w", err), remove())
	}
	database.Path = "/" + name
	if _, err := postgres.Migrate(ctx, database.String()); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	if pool, err = postgres.Open(ctx, database.String(), postgres.Options{Name: "orderly-bench", MaxConns: 40}); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return pool, func() error {
		pool.Close()
		return remove()
	}, nil
}

// onDatabase runs a statement on a connection of its own.
func onDatabase(ctx context.Context, databaseURL, statement string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
