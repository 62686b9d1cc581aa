package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"orderly/internal/testkit"
)

// hookReceiver is an integrator's server for webhooks. It answers with a status, and keeps what it has accepted with 200.
type hookReceiver struct {
	*httptest.Server
	status atomic.Int64

	mu       sync.Mutex
	accepted []hook
}

type hook struct {
	id, event string
	version   int
	header    http.Header
	body      []byte
}

func receiveHooks(t *testing.T) *hookReceiver {
	t.Helper()
	r := &hookReceiver{}
	r.status.Store(http.StatusOK)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		var message struct {
			Data struct {
				OrderID   string `json:"order_id"`
				Version   int
				EventType string `json:"event_type"`
			}
		}
		if err := json.Unmarshal(body, &message); err != nil {
			t.Errorf("a webhook reads %s: %v", body, err)
		}
		status := int(r.status.Load())
		if status == http.StatusOK {
			r.mu.Lock()
			r.accepted = append(r.accepted, hook{
				id: request.Header.Get("webhook-id"), event: message.Data.EventType, version: message.Data.Version, header: request.Header.Clone(), body: body,
			})
			r.mu.Unlock()
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *hookReceiver) all() []hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.accepted)
}

// versions are those of the events that were accepted, each once, in the order of their first acceptance.
func (r *hookReceiver) versions() (versions []int) {
	for _, each := range r.all() {
		if !slices.Contains(versions, each.version) {
			versions = append(versions, each.version)
		}
	}
	return versions
}

const endpoints = "/v1/webhook-endpoints"

func TestWebhooks_AnOrdersWay_ThroughTrouble(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--worker", "--projector"}, "ORDERLY_WEBHOOKS_ALLOW_PRIVATE=true",
		"ORDERLY_WEBHOOKS_RETRY_FIRST=100ms", "ORDERLY_WEBHOOKS_RETRY_MAX=1s", "ORDERLY_WEBHOOKS_TIMEOUT=1s")
	r := receiveHooks(t)
	made := s.command(http.StatusCreated, endpoints, fmt.Sprintf(`{"url":%q,"description":"the shop"}`, r.URL))
	path := endpoints + "/" + made.body["endpoint_id"].(string)

	// The receiver is down, the worker dies in the middle of it, and all arrives in order when both are back.
	r.status.Store(http.StatusServiceUnavailable)
	id := s.place(wish{id: "ord_hooks"})
	s.Await("an attempt has failed", func() bool {
		tries := list(s.get(path + "/deliveries?status=pending").body["deliveries"])
		return len(tries) > 0 && tries[len(tries)-1]["http_status"] == json.Number("503")
	})
	s.Kill("--worker")
	r.status.Store(http.StatusOK)
	s.StartRole("--worker")
	s.until(id, "closed")
	last := s.order(id)["version"].(json.Number).String()
	s.Await("all events are delivered", func() bool { return fmt.Sprint(len(r.versions())) == last })
	if versions := r.versions(); !slices.IsSorted(versions) {
		t.Errorf("the order of %v", versions)
	}
	s.verifyHooks(r, made.body["secret"].(string), 0)

	s.rotate(r, path, id, made.body["secret"].(string))
	s.replay(r, path)

	// Gone is gone, until somebody says otherwise.
	r.status.Store(http.StatusGone)
	s.command(http.StatusOK, "/v1/orders/"+id+"/notes", `{"text":"nobody is there"}`)
	s.Await("the endpoint is disabled", func() bool { return s.get(path).body["status"] == "disabled" })
	r.status.Store(http.StatusOK)
	before := len(r.all())
	s.command(http.StatusOK, path+"/enable", "")
	s.Await("what was pending is delivered", func() bool { return len(r.all()) > before })

	if a, err := s.call(http.MethodDelete, path, "", ""); err != nil || a.status != http.StatusNoContent {
		t.Errorf("delete: %d %s, %v", a.status, a.raw, err)
	}
	if a := s.get(path); a.status != http.StatusNotFound {
		t.Errorf("after the deletion: %d %s", a.status, a.raw)
	}
}

// rotate changes the secret: both sign for a while.
func (s shop) rotate(r *hookReceiver, path, id, old string) {
	s.t.Helper()
	before := len(r.all())
	rotated := s.command(http.StatusOK, path+"/rotate-secret", "").body["secret"].(string)
	s.command(http.StatusOK, "/v1/orders/"+id+"/notes", `{"text":"signed twice"}`)
	s.Await("a webhook with both signatures", func() bool { return len(r.all()) > before })
	s.verifyHooks(r, old, before)
	s.verifyHooks(r, rotated, before)
}

// replay has a delivery sent once more, under the same id.
func (s shop) replay(r *hookReceiver, path string) {
	s.t.Helper()
	before := r.all()
	s.command(http.StatusOK, path+"/deliveries/"+before[0].id+"/replay", "")
	s.Await("it comes again", func() bool { return len(r.all()) > len(before) })
	if again := r.all()[len(before)]; again.id != before[0].id || again.event != "OrderCreated" {
		s.t.Errorf("replayed %s %s, want %s OrderCreated", again.id, again.event, before[0].id)
	}
}

// verifyHooks verifies webhooks with the reference library.
func (s shop) verifyHooks(r *hookReceiver, secret string, from int) {
	s.t.Helper()
	oracle, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, each := range r.all()[from:] {
		if err := oracle.Verify(each.body, each.header); err != nil {
			s.t.Errorf("%s %s: %v", each.id, each.event, err)
		}
	}
}

// of is a client of the same system that belongs to another tenant.
func (s shop) of(tenant string) shop {
	s.t.Helper()
	key, err := s.Run("keys", "create", "test", "--tenant", tenant)
	if err != nil {
		s.t.Fatalf("create an API key: %v\n%s", err, key)
	}
	return shop{testkit.Attach(s.t, s.URL, strings.TrimSpace(key), s.SimulatorURL), s.t}
}

func TestWebhookEndpoints_AreTheirTenantsOwn_AndMadeOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_WEBHOOKS_ALLOW_PRIVATE=true")
	r := receiveHooks(t)
	body := fmt.Sprintf(`{"url":%q,"event_types":["OrderCreated"]}`, r.URL)
	var made []answer
	for range 2 {
		a, err := s.call(http.MethodPost, endpoints, "one-key", body)
		if err != nil || a.status != http.StatusCreated {
			t.Fatalf("%d %s, %v", a.status, a.raw, err)
		}
		made = append(made, a)
	}
	if made[0].raw != made[1].raw {
		t.Errorf("the same request again: got %s, want %s", made[1].raw, made[0].raw)
	}
	if a, err := s.call(http.MethodPost, endpoints, "one-key", fmt.Sprintf(`{"url":%q}`, r.URL)); err != nil || a.body["code"] != "idempotency_key_reused" {
		t.Errorf("the key with another body: %s, %v", a.raw, err)
	}
	path := endpoints + "/" + made[0].body["endpoint_id"].(string)
	if a := s.get(path); a.status != http.StatusOK || a.body["secret"] != nil {
		t.Errorf("the endpoint reads %s", a.raw)
	}
	stranger := s.of("stranger")
	if all := list(stranger.get(endpoints).body["endpoints"]); len(all) != 0 {
		t.Errorf("somebody else sees %v", all)
	}
	for _, each := range []struct{ method, path string }{
		{http.MethodGet, path},
		{http.MethodDelete, path},
		{http.MethodPost, path + "/rotate-secret"},
		{http.MethodPost, path + "/enable"},
		{http.MethodGet, path + "/deliveries"},
		{http.MethodPost, path + "/deliveries/msg_1/replay"},
	} {
		if a, err := stranger.call(each.method, each.path, "key", ""); err != nil || a.body["code"] != "not_found" {
			t.Errorf("%s %s by somebody else: %d %s, %v", each.method, each.path, a.status, a.raw, err)
		}
	}
	stranger.place(wish{id: "ord_strange"})
	s.place(wish{id: "ord_own"})
	s.Await("the own order is told of", func() bool { return len(r.all()) > 0 })
	if all := r.all(); len(all) != 1 || all[0].event != "OrderCreated" {
		t.Errorf("%d webhooks, the first of %s", len(all), all[0].event)
	}
}
