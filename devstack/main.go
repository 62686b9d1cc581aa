// Command devstack runs what Orderly needs on a developer's machine and in tests: a private Postgres and a Temporal
// server with its Web UI.
//
// It is a module of its own, so that the server's many dependencies stay out of the product.
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

	"orderly/devstack/internal/process"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// exitStatus carries the status of a command that was run: it has had its own say about why.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func run(arguments []string) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// Without a receiver, the first progress line into a closed pipe would end us before anything is stopped.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	root := rootCommand(signals)
	root.SetArgs(arguments)
	err := root.Execute()
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	default:
		// One line, whatever the libraries below think of line breaks.
		fmt.Fprintln(os.Stderr, "devstack:", strings.Join(strings.Fields(err.Error()), " "))
		return 1
	}
}

func rootCommand(signals <-chan os.Signal) *cobra.Command {
	root := &cobra.Command{
		Use:   "devstack",
		Short: "A private Postgres and a Temporal server with Web UI, for development and tests",
		Long: `A private Postgres and a Temporal server with Web UI, for development and tests.

Postgres is started from the binaries on this machine (15 to 18; PG_BIN names their directory
when they are not found), Temporal runs inside devstack and keeps its data in that Postgres.
Everything listens on 127.0.0.1 only.

Whatever is set in the environment is used instead of started:
  DATABASE_URL      a Postgres. Without TEMPORAL_ADDRESS, Temporal gets its databases in it.
  TEMPORAL_ADDRESS  a Temporal server.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(execCommand(signals), upCommand(signals))
	return root
}

func execCommand(signals <-chan os.Signal) *cobra.Command {
	var opts options
	cmd := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARGUMENT]...",
		Short: "Run a command with the stack, and stop the stack when it ends",
		Long: `Start the stack, run COMMAND with DATABASE_URL, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and
TEMPORAL_UI_URL set, and stop the stack when it ends. The exit status is the command's, 128+n
when signal n ended it.

SIGINT and SIGTERM are passed on to the command, a second one kills it. The command does not
read from the terminal; input from a file or a pipe reaches it.`,
		Example: `  devstack exec -- orderly serve --all
  devstack exec --ephemeral --fsync=false -- go test ./...`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("there is no command to run: devstack exec [flags] -- COMMAND [ARGUMENT]...")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStack(cmd, opts, signals, func(s *stack) error {
				status, err := process.Command{
					Args: args, Env: s.environment(), Signals: signals, StackFailed: s.failed(),
				}.Run()
				if err != nil {
					fmt.Fprintln(os.Stderr, "devstack:", err)
				}
				return exitStatus(status)
			})
		},
	}
	cmd.Flags().SetInterspersed(false) // the command's own flags are its own
	addFlags(cmd, &opts)
	return cmd
}

func upCommand(signals <-chan os.Signal) *cobra.Command {
	var opts options
	cmd := &cobra.Command{
		Use:   "up [flags]",
		Short: "Run the stack until it is interrupted",
		Long: `Start the stack, print DATABASE_URL, TEMPORAL_ADDRESS and TEMPORAL_UI_URL as KEY=value lines
when it is ready, and run until SIGINT or SIGTERM.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStack(cmd, opts, signals, func(s *stack) error {
				for _, variable := range s.variables() {
					fmt.Println(variable)
				}
				select {
				case <-signals:
					return nil
				case err := <-s.failed():
					return err
				}
			})
		},
	}
	addFlags(cmd, &opts)
	return cmd
}

func addFlags(cmd *cobra.Command, opts *options) {
	flags := cmd.Flags()
	flags.StringVar(&opts.data, "data", ".orderly", "directory that keeps the data and the logs")
	flags.IntVar(&opts.temporalPort, "temporal-port", 7233, "port of Temporal")
	flags.UintVar(&opts.temporalRPS, "temporal-rps", 0, "requests a second that Temporal admits of a namespace, 0 for any number")
	flags.IntVar(&opts.uiPort, "ui-port", 8233, "port of Temporal's Web UI, 0 for none")
	flags.StringVar(&opts.codec.Endpoint, "codec", "", "where the Web UI has payloads decrypted, as http://127.0.0.1:8080/codec")
	flags.StringVar(&opts.codec.LoginURL, "codec-login", "", "where one logs in to have them decrypted: the Web UI leads there")
	flags.BoolVar(&opts.fsync, "fsync", true, "have Postgres survive a power failure; false is faster")
	flags.BoolVar(&opts.ephemeral, "ephemeral", false,
		"keep nothing, and use free ports: runs beside another stack.\nThere is no Web UI then unless --ui-port is given")
}

// withStack runs use between start and stop of the stack.
func withStack(cmd *cobra.Command, opts options, signals <-chan os.Signal, use func(*stack) error) error {
	if opts.ephemeral {
		if !cmd.Flags().Changed("temporal-port") {
			opts.temporalPort = 0
		}
		if !cmd.Flags().Changed("ui-port") {
			opts.uiPort = 0
		}
	}
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer release()
	s, err := startStack(ctx, opts)
	if ctx.Err() != nil {
		if s != nil {
			s.stop()
		}
		return exitStatus(process.SignalStatus(<-signals))
	}
	if err != nil {
		return err
	}
	defer s.stop()
	err = use(s)
	if status, ok := err.(exitStatus); ok && status == 0 {
		return nil
	}
	return err
}
