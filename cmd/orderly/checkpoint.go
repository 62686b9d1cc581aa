package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"orderly/eventstore"
	"orderly/internal/config"
)

func checkpointCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "checkpoint [--export FILE]",
		Short: "Sign how far all streams have come, so that a tail that is cut off later shows",
		Long: "Sign how far all streams have come (with ORDERLY_CHECKPOINT_KEY). When nothing has changed, it is the last checkpoint\n" +
			"again. An exported one that is kept elsewhere shows, by `orderly verify --checkpoint FILE`, whatever was removed since.",
		Args: exactly(0),
	}
	format := outputFlag(cmd)
	cmd.Flags().StringVar(&file, "export", "", "write the checkpoint to this file, as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		made, err := makeCheckpoint(cmd)
		if err != nil {
			return err
		}
		if file != "" {
			if err := writeCheckpoint(file, made); err != nil {
				return err
			}
		}
		if *format == asJSON {
			return printJSON(cmd.OutOrStdout(), made)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d streams had changed, up to %s\nroot %x\nkey %s\n",
			made, made.Heads, made.Position, made.Root, made.KeyID)
		return err
	}
	cmd.AddCommand(keygenCommand())
	return cmd
}

func makeCheckpoint(cmd *cobra.Command) (made eventstore.Checkpoint, err error) {
	c, err := config.Load()
	if err != nil {
		return made, usageError{err}
	}
	if c.CheckpointKey == "" {
		return made, errors.New("ORDERLY_CHECKPOINT_KEY is not set: `orderly checkpoint keygen` makes one")
	}
	key, err := eventstore.ParseSigningKey(c.CheckpointKey)
	if err != nil {
		return made, fmt.Errorf("ORDERLY_CHECKPOINT_KEY: %w", err)
	}
	err = withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
		made, err = eventstore.New(pool, eventstore.Options{}).Checkpoint(cmd.Context(), key)
		return err
	})
	return made, err
}

func keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen",
		Short: "Print a new pair of keys: the private one for the projector, the public one for whoever verifies",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			private, public := eventstore.NewSigningKey()
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "ORDERLY_CHECKPOINT_KEY=%s\nORDERLY_CHECKPOINT_PUBLIC_KEYS=%s\n", private, public)
			return err
		},
	}
}

func writeCheckpoint(path string, c eventstore.Checkpoint) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writeEnv(path, []string{string(text)})
}

func readCheckpoints(paths []string) ([]eventstore.Checkpoint, error) {
	checkpoints := make([]eventstore.Checkpoint, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read an exported checkpoint: %w", err)
		}
		if err := json.Unmarshal(text, &checkpoints[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return checkpoints, nil
}

// trustedKeys are the keys with which checkpoints may be signed, nil when none is configured.
func trustedKeys(c config.Config) (eventstore.PublicKeys, error) {
	if len(c.CheckpointPublicKeys) > 0 {
		keys, err := eventstore.ParsePublicKeys(c.CheckpointPublicKeys)
		if err != nil {
			return nil, fmt.Errorf("ORDERLY_CHECKPOINT_PUBLIC_KEYS: %w", err)
		}
		return keys, nil
	}
	if c.CheckpointKey == "" {
		return nil, nil //nolint:nilnil // no key is no error: signatures are then not checked, and that is said
	}
	private, err := eventstore.ParseSigningKey(c.CheckpointKey)
	if err != nil {
		return nil, fmt.Errorf("ORDERLY_CHECKPOINT_KEY: %w", err)
	}
	return eventstore.PublicKeysOf(private), nil
}
