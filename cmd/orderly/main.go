// Command orderly is Orderly's one binary: the services, the tools of operators and auditors, and the simulator of
// the outside world. It only wires; what it does stands in the packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
	exitFault  = 3 // a check found a fault
)

// errFault says that a check did its work and found a fault, which it has printed.
var errFault = errors.New("a fault was found")

// usageError is a wrong use of the command line.
type usageError struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := root().ExecuteContext(ctx)
	stop()
	os.Exit(exitStatus(err))
}

func exitStatus(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFault):
		return exitFault
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "orderly:", oneLine(err))
		return exitUsage
	default:
		fmt.Fprintln(os.Stderr, "orderly:", oneLine(err))
		return exitFailed
	}
}

// oneLine is what an error says, in one line: some of those below us have several.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "orderly",
		Short: "Orderly orchestrates orders: Temporal workflows over a Postgres event store",
		Long: "Orderly orchestrates orders. Each order's lifecycle is a Temporal workflow; the truth about an order is its\n" +
			"stream of events in Postgres. Configuration comes from the environment: DATABASE_URL, Temporal's TEMPORAL_*,\n" +
			"and ORDERLY_*; `make run` writes what it uses to .orderly/env.",
		SilenceUsage: true, SilenceErrors: true,
		Args: noOther, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.AddCommand(serveCommand(), devCommand(), timelineCommand(), tailCommand(), stateCommand(), diffCommand(), migrateCommand(),
		verifyCommand(), checkpointCommand(), exportCommand(), importCommand(), archiveCommand(),
		attentionCommand(), loadCommand(), simulatorCommand(), projectionsCommand(), promoteCommand(), doctorCommand(), configCommand(), keysCommand(), bulkCommand(), webhooksCommand(), eraseCommand(), benchCommand(), tortureCommand(), probeCommand())
	return cmd
}

// noOther wants a subcommand that there is, and calls anything else a wrong use.
func noOther(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown command %q: see `%s --help`", args[0], cmd.CommandPath())}
	}
	return nil
}

// exactly wants n arguments, and calls anything else a wrong use.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(n)(cmd, args); err != nil {
			return usageError{fmt.Errorf("%s: %w", cmd.UseLine(), err)}
		}
		return nil
	}
}
