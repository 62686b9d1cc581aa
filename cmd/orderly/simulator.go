package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"orderly/gateway/simulator"
	"orderly/internal/config"
	"orderly/internal/telemetry"
)

// simulatorOptions are the flags of `orderly simulator`.
type simulatorOptions struct {
	addr, data, transit, webhookURL string
}

func simulatorCommand() *cobra.Command {
	var o simulatorOptions
	cmd := &cobra.Command{
		Use:   "simulator",
		Short: "Play the payment provider, the stock, the carriers and the fraud service over HTTP, with faults on demand",
		Args:  exactly(0),
	}
	cmd.Flags().StringVar(&o.addr, "addr", "127.0.0.1:8090", "the address to listen on")
	cmd.Flags().StringVar(&o.data, "data", ".orderly/simulator", "the directory of the ledgers")
	cmd.Flags().StringVar(&o.transit, "transit", "2s", "how long a parcel takes from one scan to the next, or off")
	cmd.Flags().StringVar(&o.webhookURL, "webhook-url", "", "where carriers send their news (default $ORDERLY_URL/v1/webhooks/carrier)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := config.Load()
		if err != nil {
			return usageError{err}
		}
		return simulate(cmd.Context(), c, o)
	}
	return cmd
}

func simulate(ctx context.Context, c config.Config, o simulatorOptions) error {
	logger, err := telemetry.Logger(c.LogLevel, c.LogFormat)
	if err != nil {
		return usageError{err}
	}
	var transit time.Duration
	if o.transit != "off" {
		if transit, err = time.ParseDuration(o.transit); err != nil || transit <= 0 {
			return usageError{fmt.Errorf("--transit %q: want a duration as 2s, or off", o.transit)}
		}
	}
	if o.webhookURL == "" {
		o.webhookURL = c.PublicURL + "/v1/webhooks/carrier"
	}
	if err := os.MkdirAll(o.data, 0o750); err != nil {
		return fmt.Errorf("make the directory of the ledgers: %w", err)
	}
	world, err := simulator.New(simulator.Options{
		DataDir: o.data, Transit: transit, WebhookURL: o.webhookURL, WebhookSecret: c.WebhookSecret, Logger: logger,
	})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), world.Close())
	}
	logger.Info("the simulator plays", zap.String("addr", o.addr), zap.String("transit", o.transit))
	return errors.Join(play(ctx, world, listener), world.Close())
}

// play serves and delivers until the context ends.
func play(ctx context.Context, world *simulator.Simulator, listener net.Listener) error {
	server := &http.Server{Handler: world.Handler(), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	go func() { failed <- world.Run(ctx) }()
	select {
	case err := <-failed:
		if ctx.Err() == nil {
			_ = server.Close()
			return fmt.Errorf("the simulator stopped: %w", err)
		}
	case <-ctx.Done():
	}
	// Requests that a fault holds open would never end by themselves.
	return server.Close()
}
