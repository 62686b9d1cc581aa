package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"orderly/torture"
)

// torturePace makes everything that waits on purpose short, so that minutes hold what else takes weeks.
var torturePace = map[string]string{
	"ORDERLY_LOG_LEVEL": "warn", "ORDERLY_GATEWAY_TIMEOUT": "1s", "ORDERLY_RECONCILE_EVERY": "2s", "ORDERLY_RECONCILE_GRACE": "2s",
	"ORDERLY_RETRY_FIRST": "100ms", "ORDERLY_RETRY_MAX": "1s", "ORDERLY_BOOK_TRIES": "3", "ORDERLY_BOOK_WITHIN": "10s",
	"ORDERLY_SCREEN_WITHIN": "6s", "ORDERLY_RESERVE_WITHIN": "6s", "ORDERLY_AUTHORIZE_WITHIN": "6s", "ORDERLY_CAPTURE_WITHIN": "8s",
	"ORDERLY_REFUND_WITHIN": "8s", "ORDERLY_UNDO_WITHIN": "8s", "ORDERLY_NOTIFY_WITHIN": "5s", "ORDERLY_ATTENTION_RETRY_EVERY": "5s",
	"ORDERLY_SHORTAGE_ANSWER_WITHIN": "15s", "ORDERLY_PAYMENT_ANSWER_WITHIN": "15s", "ORDERLY_ADDRESS_ANSWER_WITHIN": "15s",
	"ORDERLY_RETURN_DECIDE_WITHIN": "20s", "ORDERLY_RETURN_ARRIVE_WITHIN": "20s", "ORDERLY_CLOSE_AFTER": "5s", "ORDERLY_SNAPSHOT_EVERY": "10",
}

func tortureCommand() *cobra.Command {
	var minutes float64
	o := torture.Options{Prepare: prepareTorture, Devstack: os.Getenv("DEVSTACK_BIN")}
	cmd := &cobra.Command{
		Use:   "torture",
		Short: "Run Orderly while everything goes wrong, then check every promise; exit status 3 when one is broken",
		Long: "Start Postgres, Temporal, the simulator and Orderly, place and steer orders from a seeded random generator while processes are\n" +
			"killed, servers stopped, connections cut and gateways fail; then stop the faults, wait until all is quiet, and hold what clients\n" +
			"were told, the events, the read models, Temporal and the ledgers against each other. DEVSTACK_BIN names bin/devstack.",
		Args: exactly(0),
	}
	format := outputFlag(cmd)
	cmd.Flags().Uint64Var(&o.Seed, "seed", 0, "where randomness starts; 0 for any, which is printed")
	cmd.Flags().Float64Var(&minutes, "minutes", 5, "how long faults happen")
	cmd.Flags().IntVar(&o.Operations, "ops", 0, "how many operations clients send at most; 0 for as many as the time allows")
	cmd.Flags().IntVar(&o.Clients, "clients", 64, "how many clients send at a time")
	cmd.Flags().StringVar(&o.From, "from", "", "begin with this program, of another version; rollouts bring ours")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.For, o.Progress = time.Duration(minutes*float64(time.Minute)), cmd.ErrOrStderr()
		if o.For <= 0 || o.Clients < 1 || o.Devstack == "" {
			return usageError{errors.New("torture needs some minutes, a client, and DEVSTACK_BIN (see `make torture`)")}
		}
		if o.From != "" {
			if _, err := exec.LookPath(o.From); err != nil {
				return usageError{fmt.Errorf("--from: %w", err)}
			}
		}
		if o.Seed == 0 {
			o.Seed = rand.Uint64N(1_000_000)
		}
		report, err := torture.Run(cmd.Context(), o)
		if err != nil {
			return fmt.Errorf("torture with seed %d: %w", o.Seed, err)
		}
		return tell(cmd.OutOrStdout(), report, *format)
	}
	return cmd
}

func tell(w io.Writer, report *torture.Report, format output) error {
	var err error
	if format == asJSON {
		err = printJSON(w, report)
	} else {
		err = report.Print(w)
	}
	if err == nil && len(report.Findings) > 0 {
		err = errFault
	}
	return err
}

// prepareTorture migrates the database and makes the secrets, as for a development run.
func prepareTorture(ctx context.Context, place torture.Place) (torture.Settings, error) {
	variables := map[string]string{
		"DATABASE_URL": place.DatabaseURL, "ORDERLY_OWNER_URL": place.DatabaseURL, "TEMPORAL_ADDRESS": place.TemporalAddress,
		"ORDERLY_HTTP_ADDR": place.HTTPAddr, "ORDERLY_URL": "http://" + place.HTTPAddr, "ORDERLY_SIMULATOR_URL": "http://" + place.SimulatorAddr,
	}
	for _, each := range []map[string]string{torturePace, variables} {
		for name, value := range each {
			_ = os.Setenv(name, value) // only fails for names that are none
		}
	}
	c, err := devConfig(ctx, place.Dir)
	if err != nil {
		return torture.Settings{}, err
	}
	return torture.Settings{Env: c.environment(), APIKey: c.APIKey, Policy: c.Policy}, nil
}
