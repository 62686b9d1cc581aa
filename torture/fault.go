package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// fault is something that goes wrong for a while. It returns when it is over and what it broke is whole again.
type fault struct {
	name string
	// weight is how often it comes, compared with the others.
	weight int
	happen func(ctx context.Context, random *rand.Rand) error
}

// injector lets faults happen.
type injector struct {
	stack     *stack
	system    *system
	network   *network
	client    *client
	load      *load
	progressf func(format string, args ...any)
	// mu guards what follows.
	mu     sync.Mutex
	counts map[string]int
	// failed are faults that could not be made; that is no fault of Orderly's.
	failed int
}

// count notes that a fault happened.
func (i *injector) count(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.counts[name]++
}

// faults are all that there are, but for those that the processes do to themselves.
func (i *injector) faults() []fault {
	all := i.processFaults()
	all = append(all, i.serverFaults()...)
	all = append(all, i.networkFaults()...)
	all = append(all, i.outsideFaults()...)
	return append(all, i.workflowFaults()...)
}

// lanes is how many faults happen at a time.
const lanes = 2

// run lets faults happen, one after another in each lane, until the context ends. Then all is whole again.
func (i *injector) run(ctx context.Context, seed uint64) {
	var group sync.WaitGroup
	for lane := range lanes {
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(1_000_000+lane)))
			for pause(ctx, random, time.Second, 6*time.Second) {
				i.one(ctx, pick(i.faults(), random), random)
			}
		})
	}
	group.Wait()
}

// one lets one fault happen. What it does to be whole again happens though the context has ended.
func (i *injector) one(ctx context.Context, f fault, random *rand.Rand) {
	if err := f.happen(context.WithoutCancel(ctx), random); err != nil {
		i.mu.Lock()
		i.failed++
		i.mu.Unlock()
		i.progressf("the fault %q did not come off: %v", f.name, err)
		return
	}
	i.count(f.name)
}

func pick(all []fault, random *rand.Rand) fault {
	sum := 0
	for _, f := range all {
		sum += f.weight
	}
	left := random.IntN(sum)
	for _, f := range all {
		if left -= f.weight; left < 0 {
			return f
		}
	}
	return all[len(all)-1]
}

// pause waits a random while; false when the context ends before.
func pause(ctx context.Context, random *rand.Rand, least, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(least + time.Duration(random.Int64N(int64(most-least)))):
		return true
	}
}

// aWhile is how long a fault lasts.
func aWhile(random *rand.Rand) {
	pause(context.Background(), random, 500*time.Millisecond, 3*time.Second)
}

// processFaults are about Orderly's own processes.
func (i *injector) processFaults() []fault {
	var all []fault
	for _, role := range roles {
		all = append(all, fault{"kill " + role, 3, func(context.Context, *rand.Rand) error {
			i.system.kill(role)
			return nil
		}})
	}
	for _, role := range []string{"worker", "projector"} {
		all = append(all, fault{"deploy " + role, 2, func(ctx context.Context, random *rand.Rand) error {
			return i.system.deploy(ctx, role, time.Duration(1+random.IntN(3))*time.Second)
		}})
	}
	all = append(all, fault{"deploy api", 2, func(context.Context, *rand.Rand) error {
		i.system.replace("api")
		return nil
	}})
	for _, role := range []string{"worker", "projector"} {
		all = append(all, fault{"no " + role + " for long", 1, func(_ context.Context, random *rand.Rand) error {
			i.system.lose(role, time.Duration(10+random.IntN(11))*time.Second)
			return nil
		}})
	}
	return all
}

// connections are what the services have to the outside, by the names of their proxies.
var connections = []string{"postgres", "temporal", "simulator"}

// networkFaults spoil the services' connections.
func (i *injector) networkFaults() []fault {
	var all []fault
	for _, name := range connections {
		spoil := func(kind string, attributes map[string]int) func(context.Context, *rand.Rand) error {
			return func(_ context.Context, random *rand.Rand) error {
				heal, err := i.network.spoil(name, kind, attributes)
				if err != nil {
					return err
				}
				aWhile(random)
				heal()
				return nil
			}
		}
		all = append(all,
			fault{"slow network to " + name, 2, spoil("latency", map[string]int{"latency": 60, "jitter": 50})},
			fault{"reset network to " + name, 2, spoil("reset_peer", map[string]int{"timeout": 40})},
			fault{"silent network to " + name, 1, spoil("timeout", map[string]int{"timeout": 0})},
			fault{"cut network to " + name, 2, func(_ context.Context, random *rand.Rand) error {
				heal := i.network.cut(name)
				aWhile(random)
				return heal()
			}},
		)
	}
	return all
}

// outsideFaults are those of gateways and carriers.
func (i *injector) outsideFaults() []fault {
	var all []fault
	for _, mode := range []string{"unavailable", "reject", "slow", "timeout_before", "timeout_after", "garbage", "rate_limit"} {
		all = append(all, fault{"gateway " + mode, 2, func(ctx context.Context, random *rand.Rand) error {
			service := one(random, "payments", "stock", "carrier", "fraud", "notifications")
			err := i.client.simulate(ctx, "/faults", object{
				"service": service, "mode": mode, "rate": 0.3 + 0.7*random.Float64(), "for": fmt.Sprintf("%dms", 1000+random.IntN(4000)),
			})
			aWhile(random)
			return err
		}})
	}
	return append(all, fault{"webhooks again and shuffled", 6, func(ctx context.Context, random *rand.Rand) error {
		var shipments []struct {
			ShipmentID string `json:"shipment_id"`
		}
		if err := i.client.get(ctx, i.client.simulatorURL+"/shipments", &shipments); err != nil || len(shipments) == 0 {
			return err
		}
		for range 10 {
			err := i.client.simulate(ctx, "/webhooks/replay", object{
				"shipment_id": one(random, shipments...).ShipmentID, "times": 1 + random.IntN(3), "shuffle": true,
			})
			if err != nil {
				return err
			}
		}
		return nil
	}})
}
