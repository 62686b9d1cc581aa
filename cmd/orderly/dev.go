package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"orderly/api"
	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/internal/postgres"
)

// devPace makes waiting short enough to watch, and lets webhooks go to this machine. What is set in the environment wins.
var devPace = map[string]string{
	"ORDERLY_RETRY_FIRST": "200ms",
	"ORDERLY_RETRY_MAX":   "1s",
	"ORDERLY_CLOSE_AFTER": "10s",

	"ORDERLY_WEBHOOKS_ALLOW_PRIVATE": "true",
}

func devCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the simulator and all of Orderly for development, on the servers in the environment (see `make run`)",
		Args:  exactly(0),
	}
	cmd.Flags().StringVar(&data, "data", ".orderly", "the directory of keys, logs and ledgers")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return dev(cmd.Context(), cmd.OutOrStdout(), data) }
	return cmd
}

// dev migrates, starts the simulator and the services as processes of their own, tells where everything is once all of
// it is ready, and keeps them running until the context ends.
func dev(ctx context.Context, out io.Writer, data string) error {
	if err := os.MkdirAll(data, 0o750); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	envFile := filepath.Join(data, "env")
	if err := os.Remove(envFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the last run's %s: %w", envFile, err)
	}
	for name, value := range devPace {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value) // only fails for names that are none
		}
	}
	c, err := devConfig(ctx, data)
	if err != nil {
		return err
	}
	transit := os.Getenv("ORDERLY_SIMULATOR_TRANSIT")
	if transit == "" {
		transit = "2s"
	}
	simulatorAddr := strings.TrimPrefix(c.SimulatorURL, "http://")
	if err := portsFree(ctx, map[string]string{"ORDERLY_HTTP_ADDR": c.HTTPAddr, "ORDERLY_SIMULATOR_URL": simulatorAddr}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	family := newFamily(ctx, data, c.environment())
	defer family.wait()
	defer stop()
	family.keep("simulator", "simulator", "--addr", simulatorAddr, "--data", filepath.Join(data, "simulator"), "--transit", transit)
	family.keep("orderly", "serve", "--all")
	if err := waitReady(ctx, c.PublicURL+"/readyz", c.SimulatorURL+"/livez"); err != nil {
		return fmt.Errorf("%w; see %s", err, filepath.Join(data, "orderly.log"))
	}
	if err := writeEnv(envFile, c.lines()); err != nil {
		return err
	}
	// The file says that all is ready: it goes when that is over.
	defer func() { _ = os.Remove(envFile) }()
	c.announce(out, envFile)
	<-ctx.Done()
	return nil
}

// devSettings is the configuration of a development run.
type devSettings struct {
	config.Config

	masterKeys string
}

// devConfig migrates the database and makes sure of the secrets, which outlive a run.
func devConfig(ctx context.Context, data string) (devSettings, error) {
	c, err := config.Load()
	if err != nil {
		return devSettings{}, usageError{err}
	}
	if _, err := postgres.Migrate(ctx, c.OwnerURL); err != nil {
		return devSettings{}, err
	}
	secrets, err := loadSecrets(filepath.Join(data, "secrets"))
	if err != nil {
		return devSettings{}, err
	}
	c.APIKey, c.WebhookSecret = secrets.apiKey, secrets.webhookSecret
	if c.CheckpointKey == "" {
		c.CheckpointKey = secrets.checkpointKey
	}
	signer, err := eventstore.ParseSigningKey(c.CheckpointKey)
	if err != nil {
		return devSettings{}, fmt.Errorf("ORDERLY_CHECKPOINT_KEY: %w", err)
	}
	if len(c.CheckpointPublicKeys) == 0 {
		c.CheckpointPublicKeys = []string{eventstore.FormatPublicKey(signer)}
	}
	pool, err := connectDatabase(ctx, c)
	if err != nil {
		return devSettings{}, err
	}
	defer pool.Close()
	return devSettings{c, secrets.masterKeys}, api.EnsureKey(ctx, pool, c.APIKey, api.NewKey{Name: "development", Tenant: "default", Roles: []string{"admin"}})
}

// lines is what a shell sources to reach the run.
func (c devSettings) lines() []string {
	lines := []string{
		assign("DATABASE_URL", c.DatabaseURL),
		assign("TEMPORAL_ADDRESS", os.Getenv("TEMPORAL_ADDRESS")),
		assign("TEMPORAL_UI_URL", c.TemporalUIURL),
		assign("ORDERLY_URL", c.PublicURL),
		assign("ORDERLY_SIMULATOR_URL", c.SimulatorURL),
		assign("ORDERLY_API_KEY", c.APIKey),
		assign("ORDERLY_MASTER_KEYS", c.masterKeys),
		assign("ORDERLY_CHECKPOINT_PUBLIC_KEYS", strings.Join(c.CheckpointPublicKeys, ",")),
	}
	for _, name := range slices.Sorted(maps.Keys(devPace)) {
		lines = append(lines, assign(name, os.Getenv(name)))
	}
	return lines
}

// assign writes KEY=value, and KEY='value' where a shell would take the plain value for more than a word: the & of a
// URL ends a command.
func assign(name, value string) string {
	if strings.ContainsAny(value, "&;|<>()$`\\\"'*[]#~ \t") {
		value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	return name + "=" + value
}

func (c devSettings) environment() []string {
	return append(os.Environ(), "ORDERLY_WEBHOOK_SECRET="+c.WebhookSecret, "ORDERLY_URL="+c.PublicURL,
		"ORDERLY_MASTER_KEYS="+c.masterKeys, "ORDERLY_CHECKPOINT_KEY="+c.CheckpointKey)
}

func (c devSettings) announce(out io.Writer, envFile string) {
	fmt.Fprintf(out, `
Orderly is running. Ctrl-C stops everything; the next run goes on with the orders in flight.

  API            %s
  API docs       %s/docs
  Temporal UI    %s
  simulator      %s
  API key        %s

  set -a; . %s; set +a     puts all of this into your shell
`, c.PublicURL, c.PublicURL, c.TemporalUIURL, c.SimulatorURL, c.APIKey, envFile)
}

// writeEnv writes the file whole or not at all: whoever waits for it finds everything in it.
func writeEnv(path string, lines []string) error {
	draft := path + ".draft"
	if err := os.WriteFile(draft, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// waitReady waits until all URLs answer 200.
func waitReady(ctx context.Context, urls ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, url := range urls {
		for !answers(ctx, url) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s is not ready: %w", url, context.Cause(ctx))
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
