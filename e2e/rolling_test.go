package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"orderly/internal/keyset"
	"orderly/internal/testkit"
)

// fleet is two instances that serve the same orders.
type fleet struct {
	shop

	urls [2]string
}

func openFleet(t *testing.T) fleet {
	t.Helper()
	s := open(t, everything, "ORDERLY_DRAIN_DELAY=500ms")
	f := fleet{s, [2]string{s.URL, "http://" + testkit.FreeAddrs(t, 1)[0]}}
	f.start(1)
	return f
}

// start starts an instance and waits until it is ready.
func (f fleet) start(i int) {
	f.t.Helper()
	f.Setenv("ORDERLY_HTTP_ADDR=" + strings.TrimPrefix(f.urls[i], "http://"))
	f.StartBeside(f.name(i), everything...)
	f.Await(f.urls[i]+" is ready", func() bool { return f.isReady(i) })
}

// name is that of the instance's process; the first one was started with the system.
func (f fleet) name(i int) string {
	if i == 0 {
		return everything[0]
	}
	return "second"
}

func (f fleet) isReady(i int) bool {
	response, err := http.Get(f.urls[i] + "/readyz")
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// insist sends a command until it is carried out, to one instance and to the other in turns, always with the same key: what a
// client does that does not know what became of its request. The error is one that sending again does not heal.
func (f fleet) insist(first int, path, key, body string) error {
	for deadline, try := time.Now().Add(testkit.Patience), first; ; try++ {
		client := shop{testkit.Attach(f.t, f.urls[try%2], f.Key, f.SimulatorURL), f.t}
		a, err := client.call(http.MethodPost, path, key, body)
		switch {
		case err == nil && (a.status == http.StatusOK || a.status == http.StatusCreated):
			return nil
		case err == nil && !healsByItself(a):
			return fmt.Errorf("%d %s", a.status, a.raw)
		case time.Now().After(deadline):
			return fmt.Errorf("tried %d times, at last: %d %s, %w", try-first+1, a.status, a.raw, err)
		}
		select {
		case <-f.t.Context().Done():
			return f.t.Context().Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestRollingRestart_UnderLoad_NoClientSeesAnErrorThatSendingAgainDoesNotHeal(t *testing.T) {
	t.Parallel()
	f := openFleet(t)
	const clients = 8
	stop := make(chan struct{})
	var group sync.WaitGroup
	placed := make([][]string, clients)
	for c := range clients {
		group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("ord_%d_%d", c, n)
				if err := f.insist(c+n, "/v1/orders", id, wish{id: id}.json()); err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
				placed[c] = append(placed[c], id)
			}
		})
	}
	for _, i := range []int{0, 1, 0} {
		f.Stop(f.name(i))
		f.start(i)
	}
	close(stop)
	group.Wait()
	total := 0
	for _, ids := range placed {
		total += len(ids)
		for _, id := range ids {
			f.until(id, "closed")
			f.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
			f.wantLedger("shipments", id, map[string]int{"book": 1})
		}
	}
	if total < clients {
		t.Errorf("only %d orders were placed: that was no load", total)
	}
	t.Logf("%d orders during three restarts", total)
	f.wantPlaced(total)
}

// wantPlaced counts the orders that exist, in the events and at the payment provider.
func (f fleet) wantPlaced(want int) {
	f.t.Helper()
	if got := strings.Count(f.rows()["table order_events"], "OrderCreated"); got != want {
		f.t.Errorf("%d orders were created, and %d acknowledged", got, want)
	}
}

// TestKeysOfTemporal_AreReplaced_WithOrdersUnderWay goes the way that docs/operations.md describes.
func TestKeysOfTemporal_AreReplaced_WithOrdersUnderWay(t *testing.T) {
	t.Parallel()
	older, newer := keyset.Generate("older"), keyset.Generate("newer")
	s := open(t, everything, "ORDERLY_TEMPORAL_KEYS="+older)
	s.fault(`{"service":"carrier","mode":"reject","rate":1.0}`)
	s.command(http.StatusCreated, "/v1/orders", wish{id: "ord_k"}.json())
	found := s.attention("ord_k", "BookShipment")
	s.Stop(everything[0])
	s.Setenv("ORDERLY_TEMPORAL_KEYS=" + newer + "," + older)
	s.StartRole(everything[0])
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/ord_k/attention/"+found["attention_id"].(string)+"/retry", `{"reason":"the carriers are back"}`)
	s.until("ord_k", "closed")
	s.wantReplays(s.history("ord_k", s.latestRun("ord_k")))
	output, err := s.Run("doctor")
	if err != nil || !strings.Contains(output, "encrypted with key newer") {
		t.Errorf("doctor: %v\n%s", err, output)
	}
}
