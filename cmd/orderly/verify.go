package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/order"
	"orderly/readmodel"
)

// verifyWish is what is to be verified.
type verifyWish struct {
	order      string // all when empty
	all        bool
	readModels bool
	exported   []string // files
}

func verifyCommand() *cobra.Command {
	var wish verifyWish
	cmd := &cobra.Command{
		Use:   "verify [ORDER | --all]",
		Short: "Prove that no event was changed, put in or removed; exit status 3 when one was",
		Long: "Walk the chain of hashes of one order or of all, then hold them against the signed checkpoints. An exported checkpoint\n" +
			"(--checkpoint) shows, too, when the newest checkpoints themselves were removed. All faults are named.",
		Args: atMostOne,
	}
	format := outputFlag(cmd)
	cmd.Flags().BoolVar(&wish.all, "all", false, "all orders, as without an argument")
	cmd.Flags().BoolVar(&wish.readModels, "read-models", false, "compare the read models with the events, too")
	cmd.Flags().StringArrayVar(&wish.exported, "checkpoint", nil, "an exported checkpoint that must be there (may be repeated)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			wish.order = args[0]
		}
		if wish.order != "" && (wish.all || wish.readModels) {
			return usageError{errors.New("verify one ORDER, or all with --all and --read-models: not both")}
		}
		report, err := runVerify(cmd, wish)
		if err != nil {
			return err
		}
		if *format == asJSON {
			err = printJSON(cmd.OutOrStdout(), report)
		} else {
			err = report.print(cmd.OutOrStdout())
		}
		if err == nil && report.FaultCount > 0 {
			err = errFault
		}
		return err
	}
	return cmd
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if err := cobra.MaximumNArgs(1)(cmd, args); err != nil {
		return usageError{fmt.Errorf("%s: %w", cmd.UseLine(), err)}
	}
	return nil
}

func runVerify(cmd *cobra.Command, wish verifyWish) (*verifyReport, error) {
	c, err := config.Load()
	if err != nil {
		return nil, usageError{err}
	}
	keys, err := trustedKeys(c)
	if err != nil {
		return nil, err
	}
	exported, err := readCheckpoints(wish.exported)
	if err != nil {
		return nil, err
	}
	report := &verifyReport{Signatures: signaturesChecked, Faults: []foundFault{}}
	if keys == nil {
		report.Signatures = signaturesUnchecked
	}
	err = withStore(cmd.Context(), func(pool *pgxpool.Pool, store *eventstore.Store) error {
		v := &verification{
			pool: pool, store: store, wish: wish, report: report,
			options: eventstore.CheckpointOptions{Keys: keys, Exported: exported, Stream: wish.order, Fault: report.add},
		}
		return v.run(cmd.Context(), cmd.ErrOrStderr())
	})
	if err == nil && keys == nil && (report.Checkpoints > 0 || len(exported) > 0) {
		fmt.Fprintln(cmd.ErrOrStderr(), "orderly: the signatures of the checkpoints were not checked: ORDERLY_CHECKPOINT_PUBLIC_KEYS is not set")
	}
	return report, err
}

// verification is a run of verify.
type verification struct {
	pool    *pgxpool.Pool
	store   *eventstore.Store
	wish    verifyWish
	options eventstore.CheckpointOptions
	report  *verifyReport
}

func (v *verification) run(ctx context.Context, stderr io.Writer) error {
	estimate := int64(0)
	if v.wish.order == "" {
		var err error
		if estimate, err = v.store.EstimateEvents(ctx); err != nil {
			return err
		}
	}
	shown := newProgress(stderr, "verified", estimate)
	defer shown.end()
	if err := v.chains(ctx, shown); err != nil {
		return err
	}
	v.options.Progress = func(done eventstore.CheckpointsVerified) {
		shown.set(int64(v.report.Events), fmt.Sprintf("%d checkpoints, %d heads", done.Checkpoints, done.Heads))
	}
	done, err := v.store.VerifyCheckpoints(ctx, v.options)
	if err != nil {
		return err
	}
	v.report.Checkpoints = done.Checkpoints
	if v.wish.order != "" && v.report.Events == 0 && v.report.FaultCount == 0 {
		return fmt.Errorf("%s: %w", v.wish.order, order.ErrNotFound)
	}
	if v.wish.readModels {
		shown.set(int64(v.report.Events), "read models")
		return v.readModels(ctx)
	}
	return nil
}

func (v *verification) chains(ctx context.Context, shown *progress) error {
	if v.wish.order == "" {
		done, err := v.store.VerifyAll(ctx, eventstore.VerifyOptions{Fault: v.report.add, Progress: func(done eventstore.Verified) {
			shown.set(int64(done.Events), fmt.Sprintf("%d streams, %d events", done.Streams, done.Events))
		}})
		v.report.Streams, v.report.Events = done.Streams, done.Events
		return err
	}
	events, err := v.store.Verify(ctx, v.wish.order)
	v.report.Events = events
	if fault, ok := errors.AsType[*eventstore.FaultError](err); ok {
		v.report.add(fault)
		err = nil
	}
	if events > 0 || v.report.FaultCount > 0 {
		v.report.Streams = 1
	}
	return err
}

func (v *verification) readModels(ctx context.Context) error {
	differences, err := readmodel.Verify(ctx, v.pool, v.store)
	for _, each := range differences {
		v.report.add(&eventstore.FaultError{
			Stream: each.OrderID, Fault: "read_model", Problem: fmt.Sprintf("%s is not what the events say: want %s, got %s", each.What, each.Want, each.Got),
		})
	}
	return err
}
