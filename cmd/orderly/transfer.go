package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"orderly/eventstore"
	"orderly/order"
)

func exportCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export ORDER [--out FILE]",
		Short: "Write an order's events as they are stored, one a line of JSON",
		Args:  exactly(1),
	}
	cmd.Flags().StringVar(&out, "out", "", "write to this file instead of standard output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
			export := func(w io.Writer) error {
				n, err := eventstore.New(pool, eventstore.Options{}).Export(cmd.Context(), w, args[0])
				if err == nil && n == 0 {
					err = fmt.Errorf("%s: %w", args[0], order.ErrNotFound)
				}
				return err
			}
			if out == "" {
				return buffered(cmd.OutOrStdout(), export)
			}
			return toFile(out, export)
		})
	}
	return cmd
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	buffer := bufio.NewWriter(w)
	if err := write(buffer); err != nil {
		return err
	}
	return buffer.Flush()
}

// toFile writes a file whole or not at all.
func toFile(path string, write func(io.Writer) error) (err error) {
	draft := path + ".draft"
	file, err := os.OpenFile(draft, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(draft)
		}
	}()
	err = errors.Join(buffered(file, write), file.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(draft, path)
}

func importCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Store the orders that export wrote (FILE, or - for standard input); exit status 3 when anything in it is wrong",
		Long: "Store the orders that export wrote, with their ids, times and hashes. Nothing is stored when a line is no event, a chain\n" +
			"is broken, or an order is there already with other events; what is there already just so is left alone.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, closeFile, err := openImport(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			defer closeFile()
			return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
				done, err := eventstore.New(pool, eventstore.Options{}).Import(cmd.Context(), file)
				if refused, ok := errors.AsType[*eventstore.ImportError](err); ok {
					fmt.Fprintf(cmd.ErrOrStderr(), "orderly: refused: %v\n", refused)
					return errFault
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "stored %d orders with %d events; %d were there already\n", done.Streams, done.Events, done.Known)
				return err
			})
		},
	}
}

// openImport opens a file that can be read more than once: standard input is copied to one.
func openImport(stdin io.Reader, path string) (io.ReadSeeker, func(), error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, nil, fmt.Errorf("import: %w", err)
		}
		return file, func() { _ = file.Close() }, nil
	}
	spool, err := os.CreateTemp("", "orderly-import-")
	if err != nil {
		return nil, nil, fmt.Errorf("import: %w", err)
	}
	closeFile := func() {
		_ = spool.Close()
		_ = os.Remove(spool.Name())
	}
	if _, err := io.Copy(spool, stdin); err != nil {
		closeFile()
		return nil, nil, fmt.Errorf("read standard input: %w", err)
	}
	return spool, closeFile, nil
}
