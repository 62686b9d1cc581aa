package torture

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/order"
)

// Options are what a run is made of.
type Options struct {
	Seed uint64
	// For is how long faults happen.
	For time.Duration
	// Operations bounds how many clients send; 0 for no bound.
	Operations int
	Clients    int
	// From is the program of another version, with which the services begin; rollouts bring ours. Empty for ours from the beginning.
	From string
	// Devstack is the program that runs Postgres and Temporal.
	Devstack string
	// Progress hears of what goes on.
	Progress io.Writer
	// Prepare migrates the database and makes the configuration of the services.
	Prepare func(context.Context, Place) (Settings, error)
}

// Place is where a run's servers are, and where it keeps its files.
type Place struct{ Dir, DatabaseURL, TemporalAddress, HTTPAddr, SimulatorAddr string }

// Settings are the services' configuration.
type Settings struct {
	Env    []string
	APIKey string
	Policy order.Policy
}

// run is one run of the torture.
type run struct {
	options  Options
	place    Place
	dir      string
	settings Settings
	began    time.Time

	stack     *stack
	network   *network
	simulator *process
	system    *system
	client    *client
	pool      *pgxpool.Pool
	store     *eventstore.Store
	follower  *follower
	load      *load
	injector  *injector
}

// Run tortures Orderly and reports. The error is about the torture itself: what it finds is in the report.
func Run(ctx context.Context, options Options) (report *Report, err error) {
	dir, err := os.MkdirTemp("", "orderly-torture-")
	if err != nil {
		return nil, err
	}
	r := &run{options: options, dir: dir, began: time.Now()}
	defer func() {
		r.close()
		if err == nil && len(report.Findings) == 0 {
			err = os.RemoveAll(dir)
		} else {
			r.progressf("logs, ledgers and data are kept in %s", dir)
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // Postgres runs as another user below it
		return nil, err
	}
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	return r.torture(ctx)
}

// open starts everything, and waits until it is ready.
func (r *run) open(ctx context.Context) (err error) {
	r.progressf("seed %d: starting Postgres, Temporal, the simulator and Orderly", r.options.Seed)
	if r.stack, err = startStack(ctx, r.options.Devstack, r.dir); err != nil {
		return err
	}
	r.place = Place{Dir: r.dir, DatabaseURL: r.stack.databaseURL, TemporalAddress: r.stack.temporalAddress}
	for _, addr := range []*string{&r.place.HTTPAddr, &r.place.SimulatorAddr} {
		if *addr, err = freeAddr(ctx); err != nil {
			return err
		}
	}
	if r.settings, err = r.options.Prepare(ctx, r.place); err != nil {
		return err
	}
	if r.pool, err = pgxpool.New(ctx, r.stack.databaseURL); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	r.store = eventstore.New(r.pool, eventstore.Options{})
	r.follower = &follower{store: r.store, delivered: map[string][]int{}}
	r.client = newClient("http://"+r.place.HTTPAddr, r.settings.APIKey, "http://"+r.place.SimulatorAddr)
	r.load = &load{client: r.client, limit: r.options.Operations}
	if err := r.startServices(ctx); err != nil {
		return err
	}
	return r.client.ready(ctx, r.client.url+"/readyz")
}

func (r *run) startServices(ctx context.Context) error {
	env, err := r.throughProxies()
	if err != nil {
		return err
	}
	r.injector = &injector{stack: r.stack, network: r.network, client: r.client, load: r.load, progressf: r.progressf, counts: map[string]int{}}
	random := rand.New(rand.NewPCG(r.options.Seed, 2_000_000))
	if r.system, err = newSystem(r.dir, r.options.From, env, random, r.injector.count); err != nil {
		return err
	}
	r.injector.system = r.system
	r.simulator, err = launch(r.dir, "simulator", r.settings.Env, nil, r.system.program,
		"simulator", "--addr", r.place.SimulatorAddr, "--data", filepath.Join(r.dir, "ledgers"), "--transit", "300ms")
	if err != nil {
		return err
	}
	if err := r.client.ready(ctx, r.client.simulatorURL+"/livez"); err != nil {
		return err
	}
	for _, role := range roles {
		r.system.keep(role)
	}
	return nil
}

// throughProxies is the services' environment, in which each connection leads through a proxy.
func (r *run) throughProxies() ([]string, error) {
	r.network = newNetwork()
	_, rest, _ := strings.Cut(r.place.DatabaseURL, "@")
	database, _, _ := strings.Cut(rest, "/")
	addrs := map[string]string{"postgres": database, "temporal": r.place.TemporalAddress, "simulator": r.place.SimulatorAddr}
	for _, name := range connections {
		var err error
		if addrs[name], err = r.network.through(name, addrs[name]); err != nil {
			return nil, err
		}
	}
	databaseURL, err := proxied(r.place.DatabaseURL, addrs["postgres"])
	if err != nil {
		return nil, err
	}
	return append(slices.Clip(r.settings.Env), "DATABASE_URL="+databaseURL, "ORDERLY_OWNER_URL="+databaseURL,
		"TEMPORAL_ADDRESS="+addrs["temporal"], "ORDERLY_SIMULATOR_URL=http://"+addrs["simulator"]), nil
}

// torture lets everything happen at once, then calms it, and checks.
func (r *run) torture(ctx context.Context) (*Report, error) {
	following, stopFollowing := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { r.follower.run(following) })
	background.Go(func() { r.tell(following) })
	defer background.Wait()
	defer stopFollowing()
	if err := r.everythingAtOnce(ctx); err != nil {
		return nil, err
	}
	facts, findings, err := r.settle(ctx)
	if err != nil {
		return nil, err
	}
	report := newReport(r.options.Seed, facts, findings, r.injector.counts)
	report.Seconds = int(time.Since(r.began).Seconds())
	if len(findings) > 0 {
		report.Kept, report.Timelines = r.dir, r.timelines(ctx, findings)
	}
	return report, ctx.Err()
}

// answeredWithin is how long clients insist on an answer once nothing is wrong any more.
const answeredWithin = time.Minute

// everythingAtOnce has clients send and faults happen, until the time is up; then it heals what is broken, and lets clients
// get their answers.
func (r *run) everythingAtOnce(ctx context.Context) error {
	issuing, stopIssuing := context.WithTimeout(ctx, r.options.For)
	defer stopIssuing()
	insisting, stopInsisting := context.WithCancel(ctx)
	defer stopInsisting()
	var clients sync.WaitGroup
	clients.Go(func() {
		r.load.run(insisting, issuing, r.options.Seed, r.options.Clients)
		stopIssuing() // when there are enough operations before the time is up
	})
	r.injector.run(issuing, r.options.Seed)
	r.progressf("the faults are over")
	if err := r.client.simulate(ctx, "/faults", nil); err != nil {
		return err
	}
	r.system.calm()
	if err := r.client.ready(ctx, r.client.url+"/readyz"); err != nil {
		return err
	}
	defer time.AfterFunc(answeredWithin, stopInsisting).Stop()
	clients.Wait()
	return ctx.Err()
}

// toldTimelines is how many orders' timelines a report tells.
const toldTimelines = 3

func (r *run) timelines(ctx context.Context, findings []Finding) (told []string) {
	seen := map[string]bool{"": true}
	for _, finding := range findings {
		if seen[finding.OrderID] || len(told) == toldTimelines {
			continue
		}
		seen[finding.OrderID] = true
		output, err := r.tool(ctx, "timeline", finding.OrderID, "--verbose")
		if err != nil {
			output = fmt.Appendf(nil, "%s: %v", finding.OrderID, err)
		}
		told = append(told, string(output))
	}
	return told
}

// operatorClient is the number of the operator among the clients.
const operatorClient = 999

func (r *run) generator(client int) *generator {
	return &generator{random: rand.New(rand.NewPCG(r.options.Seed, uint64(client))), client: client}
}

// tell says now and then how far it is.
func (r *run) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Second):
		}
		begun, acknowledged := r.load.progress()
		_, events := r.follower.soFar()
		r.injector.mu.Lock()
		faults := 0
		for _, n := range r.injector.counts {
			faults += n
		}
		r.injector.mu.Unlock()
		r.progressf("%d operations, %d acknowledged, %d events, %d faults", begun, acknowledged, events, faults)
	}
}

func (r *run) progressf(format string, args ...any) {
	fmt.Fprintf(r.options.Progress, "%4.0fs  "+format+"\n", append([]any{time.Since(r.began).Seconds()}, args...)...)
}

// close stops everything, the users of a thing before the thing.
func (r *run) close() {
	if r.system != nil {
		r.system.stop()
	}
	if r.simulator != nil {
		r.simulator.stop()
	}
	if r.network != nil {
		r.network.close()
	}
	if r.pool != nil {
		r.pool.Close()
	}
	if r.stack != nil {
		r.stack.stop()
	}
}
