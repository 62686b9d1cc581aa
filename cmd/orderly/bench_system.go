package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"google.golang.org/protobuf/types/known/durationpb"

	"orderly/bench"
	"orderly/internal/config"
	"orderly/internal/temporalclient"
)

// benchLifecycle measures whole lives of orders at a pace at which nothing waits on purpose.
func benchLifecycle(ctx context.Context, o benchOptions) ([]bench.Row, error) {
	return withSystems(ctx, []int{1}, func(ctx context.Context, systems []bench.System) ([]bench.Row, error) {
		return bench.Lifecycle(ctx, bench.LifecycleOptions{
			System: systems[0], Orders: o.orders, Rounds: o.rounds, InFlight: o.inFlight, Progress: o.progress,
		})
	})
}

// benchMemory measures a process whose orders wait for carriers that never come.
func benchMemory(ctx context.Context, o benchOptions) ([]bench.Row, error) {
	return withSystems(ctx, []int{1}, func(ctx context.Context, systems []bench.System) ([]bench.Row, error) {
		return bench.Memory(ctx, bench.MemoryOptions{System: systems[0], Orders: o.underWay, InFlight: o.inFlight, Progress: o.progress})
	})
}

// benchGrowth measures systems that have carried out many orders before.
func benchGrowth(ctx context.Context, o benchOptions) ([]bench.Row, error) {
	processes := make([]int, len(o.past))
	for i := range processes {
		processes[i] = 1
	}
	return withSystems(ctx, processes, func(ctx context.Context, systems []bench.System) ([]bench.Row, error) {
		return bench.Growth(ctx, bench.GrowthOptions{
			Systems: systems, Past: o.past, Orders: o.orders, InFlight: o.inFlight, Rounds: o.rounds, Progress: o.progress,
		})
	})
}

// benchInstances measures two processes that share the work beside one.
func benchInstances(ctx context.Context, o benchOptions) ([]bench.Row, error) {
	return withSystems(ctx, []int{1, 2}, func(ctx context.Context, systems []bench.System) ([]bench.Row, error) {
		return bench.Instances(ctx, bench.InstancesOptions{
			One: systems[0], Two: systems[1], Orders: o.orders, InFlight: o.inFlight, Rounds: o.rounds, Progress: o.progress,
		})
	})
}

// withSystems runs systems side by side while something is measured, each with so many processes of Orderly, a simulator, a
// database and a namespace of its own.
func withSystems(
	ctx context.Context, processes []int, measure func(context.Context, []bench.System) ([]bench.Row, error),
) (rows []bench.Row, err error) {
	systems := make([]bench.System, len(processes))
	for i, n := range processes {
		pool, drop, failed := benchDatabase(ctx, i)
		if failed != nil {
			return nil, failed
		}
		defer func() { err = errors.Join(err, drop()) }()
		data, failed := os.MkdirTemp("", "orderly-bench-")
		if failed != nil {
			return nil, failed
		}
		defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
		system, stop, failed := startSystem(ctx, pool.Config().ConnString(), data, n)
		if failed != nil {
			return nil, failed
		}
		defer stop()
		systems[i], systems[i].Pool = system, pool
	}
	return measure(ctx, systems)
}

// startSystem starts a simulator whose parcels wait, and so many processes of Orderly. Stop ends them.
func startSystem(ctx context.Context, databaseURL, data string, processes int) (system bench.System, stop func(), err error) {
	addrs, err := freeAddrs(ctx, 1+processes)
	if err != nil {
		return system, nil, err
	}
	system.SimulatorURL = "http://" + addrs[0]
	for _, addr := range addrs[1:] {
		system.URLs = append(system.URLs, "http://"+addr)
	}
	restore := setEnvironment(map[string]string{
		"DATABASE_URL": databaseURL, "ORDERLY_OWNER_URL": databaseURL, "TEMPORAL_NAMESPACE": "orderly-bench-" + uuid.NewString(),
		"ORDERLY_HTTP_ADDR": addrs[1], "ORDERLY_URL": system.URLs[0], "ORDERLY_SIMULATOR_URL": system.SimulatorURL,
		"ORDERLY_CLOSE_AFTER": "0s", "ORDERLY_LOG_LEVEL": "warn", "ORDERLY_RATE_LIMIT": "0",
	})
	defer restore()
	c, err := devConfig(ctx, data)
	if err != nil {
		return system, nil, err
	}
	system.Key = c.APIKey
	if system.Temporal, err = ownNamespace(ctx, c.Config); err != nil {
		return system, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	families := make([]*family, len(addrs))
	for i, addr := range addrs {
		families[i] = newFamily(ctx, data, append(c.environment(), "ORDERLY_HTTP_ADDR="+addr))
	}
	stop = func() {
		cancel()
		for _, each := range families {
			each.wait()
		}
		system.Temporal.Close()
	}
	families[0].keep("simulator", "simulator", "--addr", addrs[0], "--data", filepath.Join(data, "simulator"), "--transit", "off")
	ready := []string{system.SimulatorURL + "/livez"}
	for i, url := range system.URLs {
		families[i+1].keep(fmt.Sprintf("orderly-%d", i+1), "serve", "--all")
		ready = append(ready, url+"/readyz")
	}
	if err := waitReady(ctx, ready...); err != nil {
		stop()
		return system, nil, err
	}
	return system, stop, nil
}

// setEnvironment sets variables until they are restored.
func setEnvironment(variables map[string]string) (restore func()) {
	before := os.Environ()
	for name, value := range variables {
		_ = os.Setenv(name, value) // only fails for names that are none
	}
	return func() {
		os.Clearenv()
		for _, each := range before {
			name, value, _ := strings.Cut(each, "=")
			_ = os.Setenv(name, value)
		}
	}
}

// ownNamespace registers the namespace that the environment names and makes a client of it. What is in it goes by itself after a
// day.
func ownNamespace(ctx context.Context, c config.Config) (client.Client, error) {
	options, err := temporalclient.Options(c.TemporalKeys)
	if err != nil {
		return nil, err
	}
	namespaces, err := client.NewNamespaceClient(options)
	if err != nil {
		return nil, fmt.Errorf("reach Temporal: %w", err)
	}
	defer namespaces.Close()
	err = namespaces.Register(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: options.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		return nil, fmt.Errorf("register a namespace: %w", err)
	}
	temporal, _, err := connectTemporal(c, zap.NewNop())
	return temporal, err
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
