package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/internal/postgres"
	"orderly/internal/tlsfiles"
	"orderly/projection"
	"orderly/worker"
)

// finding is what the doctor says of one thing. Advice is empty when all is well.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

func well(check, format string, args ...any) finding {
	return finding{Check: check, OK: true, Detail: fmt.Sprintf(format, args...)}
}

func ill(check string, err error, advice string) finding {
	return finding{Check: check, Detail: oneLine(err), Advice: advice}
}

func doctorCommand() *cobra.Command {
	var mend bool
	cmd := &cobra.Command{
		Use:   "doctor [--repair]",
		Short: "Check everything that Orderly needs, in plain words; exit status 3 when something is wrong",
		Args:  exactly(0),
	}
	cmd.Flags().BoolVar(&mend, "repair", false, "as the database's owner, make a database readable that was restored into another Postgres cluster, and start the workflow of each open order that has none")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if mend {
			return repair(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		}
		c, err := config.Load()
		if err != nil {
			return usageError{err}
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), 20*time.Second)
		defer cancel()
		findings := examine(ctx, c)
		if *format == asJSON {
			err = printJSON(cmd.OutOrStdout(), map[string]any{"findings": findings})
		} else {
			err = printFindings(cmd.OutOrStdout(), findings)
		}
		for _, f := range findings {
			if !f.OK {
				err = errors.Join(err, errFault)
			}
		}
		return err
	}
	return cmd
}

func examine(ctx context.Context, c config.Config) []finding {
	findings := examineDatabase(ctx, c)
	findings = append(findings, examineTemporal(ctx, c)...)
	findings = append(findings, examineWorkflows(ctx, c)...)
	findings = append(findings,
		examineGateways(ctx, c),
		examineHTTP(ctx, http.DefaultClient, "api", c.PublicURL+"/readyz", "start `orderly serve --api`, or set ORDERLY_URL"))
	return findings
}

// examineGateways trusts whom the workers trust.
func examineGateways(ctx context.Context, c config.Config) finding {
	trusted, err := tlsfiles.Client(c.GatewayCAFile)
	if err != nil {
		return ill("gateways", err, "check ORDERLY_GATEWAY_CA_FILE")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trusted}
	defer transport.CloseIdleConnections()
	return examineHTTP(ctx, &http.Client{Transport: transport}, "gateways", strings.TrimSuffix(c.SimulatorURL, "/")+"/livez",
		"start `orderly simulator`, or set ORDERLY_SIMULATOR_URL")
}

func examineDatabase(ctx context.Context, c config.Config) []finding {
	pool, err := connectDatabase(ctx, c)
	if err != nil {
		return []finding{ill("postgres", err, "start Postgres, and check DATABASE_URL")}
	}
	defer pool.Close()
	findings := []finding{examineServer(ctx, pool)}
	s := &service{config: c, log: zap.NewNop(), pool: pool}
	if err := s.schemaIsCurrent(ctx); err != nil {
		return append(findings, ill("schema", err, "run `orderly migrate`"))
	}
	findings = append(findings, well("schema", "is current"), examineRole(ctx, pool))
	store := eventstore.New(pool, eventstore.Options{})
	if err := store.CheckCluster(ctx); err != nil {
		findings = append(findings, ill("feed", err, "stop the services, and run `orderly doctor --repair`"))
		return findings
	}
	return append(findings, examineFeed(ctx, store), examineProjections(ctx, pool, store))
}

func examineServer(ctx context.Context, pool *pgxpool.Pool) finding {
	var version string
	if err := pool.QueryRow(ctx, "SHOW server_version").Scan(&version); err != nil {
		return ill("postgres", err, "check the database's log")
	}
	return well("postgres", "is reachable, version %s", version)
}

func examineRole(ctx context.Context, pool *pgxpool.Pool) finding {
	if err := postgres.CheckRole(ctx, pool); err != nil {
		return ill("role", err, "let DATABASE_URL name a login that is a member of orderly_app and owns nothing")
	}
	return well("role", "may append events and not change them")
}

func examineFeed(ctx context.Context, store *eventstore.Store) finding {
	head, err := store.FeedHead(ctx)
	if err != nil {
		return ill("feed", err, "check the database's log")
	}
	if age := head.HeldFor(time.Now()); age > 10*time.Second {
		return ill("feed", fmt.Errorf("%d events are held back for %s by %s", head.Held, age.Round(time.Second), head.HeldBy),
			"a long writing transaction delays all read models: end it")
	}
	return well("feed", "is at %s", head.Last)
}

// laggingAfter is how many seconds a read model may be behind before the doctor says so.
const laggingAfter = 10

// examineProjections gives a projector that was just started a moment to take over.
func examineProjections(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store) finding {
	for deadline := time.Now().Add(5 * time.Second); ; {
		found := lookAtProjections(ctx, pool, store)
		if found.OK || time.Now().After(deadline) {
			return found
		}
		select {
		case <-ctx.Done():
			return found
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func lookAtProjections(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store) finding {
	const advice = "start `orderly serve --projector`, and look at its workflow in the Temporal Web UI"
	statuses, err := projection.Statuses(ctx, pool, store)
	if err != nil {
		return ill("projections", err, "check the database's log")
	}
	if len(statuses) == 0 {
		return ill("projections", errors.New("none has ever run"), advice)
	}
	var all []string
	for _, status := range statuses {
		text := fmt.Sprintf("%s is %s, %d events (%.1f s) behind", status.Name, status.State, status.LagEvents, status.LagSeconds)
		switch {
		case status.State == projection.Parked:
			return ill("projections", fmt.Errorf("%s; it leaves %d orders out", text, status.ParkedOrders), "`orderly projections dead-letters` lists the events; retry or skip them when the cause is mended")
		case status.State != projection.Running, status.LagSeconds > laggingAfter:
			return ill("projections", errors.New(text), advice)
		}
		all = append(all, text)
	}
	return well("projections", "%s", strings.Join(all, "; "))
}

func examineTemporal(ctx context.Context, c config.Config) []finding {
	temporal, namespace, err := connectTemporal(c, zap.NewNop())
	if err != nil {
		return []finding{ill("temporal", err, "check ORDERLY_TEMPORAL_KEYS and the TEMPORAL_* variables")}
	}
	defer temporal.Close()
	if _, err := temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return []finding{ill("temporal", err, "start Temporal, and check TEMPORAL_ADDRESS")}
	}
	missing, err := worker.MissingAttributes(ctx, temporal, namespace)
	switch {
	case err != nil:
		return []finding{well("temporal", "is reachable"), ill("search attributes", err, "create namespace "+namespace)}
	case len(missing) > 0:
		return []finding{well("temporal", "is reachable"), ill("search attributes", fmt.Errorf("namespace %s lacks %s", namespace, strings.Join(missing, ", ")),
			"start `orderly serve --worker`, which adds them")}
	default:
		return []finding{well("temporal", "is reachable, namespace %s, payloads are encrypted with key %s", namespace, c.TemporalKeys.Current()), well("search attributes", "are all there")}
	}
}

func examineHTTP(ctx context.Context, asking *http.Client, check, url, advice string) finding {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ill(check, err, advice)
	}
	response, err := asking.Do(request)
	if err != nil {
		return ill(check, err, advice)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return ill(check, fmt.Errorf("%s answers %s", url, response.Status), advice)
	}
	return well(check, "answers at %s", url)
}

func printFindings(w io.Writer, findings []finding) error {
	for _, f := range findings {
		mark := "ok  "
		if !f.OK {
			mark = "BAD "
		}
		if _, err := fmt.Fprintf(w, "%s %-18s %s\n", mark, f.Check, f.Detail); err != nil {
			return err
		}
		if f.Advice != "" {
			if _, err := fmt.Fprintf(w, "     %-18s %s\n", "", "→ "+f.Advice); err != nil {
				return err
			}
		}
	}
	return nil
}
