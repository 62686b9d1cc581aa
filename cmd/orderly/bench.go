package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"orderly/bench"
)

func benchCommand() *cobra.Command {
	o := bench.Options{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure Orderly against the floor of this machine, on the servers in the environment (see `make bench`)",
		Args:  exactly(0),
	}
	format := outputFlag(cmd)
	cmd.Flags().IntVar(&o.Orders, "orders", 400, "orders in each round")
	cmd.Flags().IntVar(&o.Rounds, "rounds", 3, "rounds; the median counts")
	cmd.Flags().IntVar(&o.InFlight, "in-flight", 50, "orders under way at a time")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.Progress = cmd.ErrOrStderr()
		rows, err := measure(cmd.Context(), o)
		if err != nil {
			return err
		}
		if *format == asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"rows": rows})
		}
		return bench.Print(cmd.OutOrStdout(), rows)
	}
	return cmd
}

// measure runs Orderly and the simulator as processes of their own, at a pace at which nothing waits on purpose.
func measure(ctx context.Context, o bench.Options) (rows []bench.Row, err error) {
	data, err := os.MkdirTemp("", "orderly-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(data) }()
	addrs, err := freeAddrs(ctx, 2)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"ORDERLY_HTTP_ADDR": addrs[0], "ORDERLY_URL": "http://" + addrs[0], "ORDERLY_SIMULATOR_URL": "http://" + addrs[1],
		"ORDERLY_CLOSE_AFTER": "0s", "ORDERLY_LOG_LEVEL": "warn",
	} {
		_ = os.Setenv(name, value) // only fails for names that are none
	}
	c, err := devConfig(ctx, data)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	family := newFamily(ctx, data, c.environment())
	defer family.wait()
	defer stop()
	family.keep("simulator", "simulator", "--addr", addrs[1], "--data", filepath.Join(data, "simulator"), "--transit", "10ms")
	family.keep("orderly", "serve", "--all")
	if err := waitReady(ctx, c.PublicURL+"/readyz", c.SimulatorURL+"/livez"); err != nil {
		return nil, err
	}
	temporal, _, err := connectTemporal(zap.NewNop())
	if err != nil {
		return nil, err
	}
	defer temporal.Close()
	o.URL, o.Key, o.Temporal = c.PublicURL, c.APIKey, temporal
	return bench.Run(ctx, o)
}

// freeAddrs finds n addresses on which nobody listens.
func freeAddrs(ctx context.Context, n int) ([]string, error) {
	var addrs []string
	for range n {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = listener.Close() }()
		addrs = append(addrs, listener.Addr().String())
	}
	return addrs, nil
}
