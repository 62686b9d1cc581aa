package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"orderly/internal/testkit"
)

// shop is a client of a running system.
type shop struct {
	*testkit.System
	t *testing.T
}

// contract is the committed OpenAPI document.
var contract = sync.OnceValues(func() (*testkit.Contract, error) {
	document, err := os.ReadFile("../api/openapi.json")
	if err != nil {
		return nil, err
	}
	return testkit.NewContract(document)
})

// http is a client that holds everything against the contract.
func (s shop) http() *http.Client {
	s.t.Helper()
	c, err := contract()
	if err != nil {
		s.t.Fatal(err)
	}
	return &http.Client{Transport: c.Transport(s.t, http.DefaultTransport)}
}

// open starts a system of the test's own. At the test's end its read models must be what its events say.
func open(t *testing.T, roles []string, env ...string) shop {
	t.Helper()
	s := shop{testkit.Start(t, roles, env...), t}
	t.Cleanup(func() {
		if !t.Failed() {
			s.verify()
		}
	})
	return s
}

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func (s shop) call(method, path, key, body string) (answer, error) {
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+s.Key)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	return s.exchange(request)
}

// exchange sends a request and reads the answer.
func (s shop) exchange(request *http.Request) (answer, error) {
	response, err := s.http().Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := readAll(response)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: response.Header, raw: string(text)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	_ = decoder.Decode(&a.body) // an answer that is not JSON has no body here, and fails where one is asked for
	return a, nil
}

// readAll reads the body of an answer; of one that streams, which does not end, nothing.
func readAll(response *http.Response) ([]byte, error) {
	if response.Header.Get("Content-Type") == "text/event-stream" {
		return nil, nil
	}
	return io.ReadAll(response.Body)
}

// command sends a command, again if that is what the answer asks for, until it is answered with the given status.
func (s shop) command(status int, path, body string) answer {
	s.t.Helper()
	a := s.ask(http.MethodPost, path, uuid.NewString(), body, func(a answer) bool { return a.status != status && healsByItself(a) })
	if a.status != status {
		s.t.Fatalf("POST %s: got %d %s, want %d", path, a.status, a.raw, status)
	}
	return a
}

func (s shop) get(path string) answer {
	s.t.Helper()
	return s.ask(http.MethodGet, path, "", "", healsByItself)
}

// ask sends a request until its answer does not ask for it again, as every client has to on a machine that is too busy.
func (s shop) ask(method, path, key, body string, again func(answer) bool) (a answer) {
	s.t.Helper()
	s.Await(method+" "+path+" is answered", func() bool {
		var err error
		if a, err = s.call(method, path, key, body); err != nil {
			s.t.Fatalf("%s %s: %v", method, path, err)
		}
		if again(a) {
			s.t.Logf("%s %s: once more after %d %s", method, path, a.status, a.raw)
			return false
		}
		return true
	})
	return a
}

// healsByItself says whether an answer asks for the same request again.
func healsByItself(a answer) bool {
	return a.status == http.StatusAccepted || a.status == http.StatusServiceUnavailable || a.body["code"] == "command_in_flight"
}

// wish is an order to be placed; the zero value pays with a good card for one mug.
type wish struct {
	id, token, postal string
	skus              []string
}

func (w wish) json() string {
	if w.token == "" {
		w.token = "tok_visa"
	}
	if w.postal == "" {
		w.postal = "78701"
	}
	if len(w.skus) == 0 {
		w.skus = []string{"SKU-1"}
	}
	var lines []string
	for _, sku := range w.skus {
		lines = append(lines, fmt.Sprintf(`{"sku":%q,"quantity":2,"unit_price":4999}`, sku))
	}
	id := ""
	if w.id != "" {
		id = fmt.Sprintf(`"order_id":%q,`, w.id)
	}
	return fmt.Sprintf(`{%s"customer_id":"cust_456","currency":"USD","lines":[%s],"shipping_fee":500,
		"ship_to":{"name":"A. Buyer","line1":"1 Main St","city":"Austin","region":"TX","postal_code":%q,"country":"US"},
		"payment":{"method":"card","token":%q},"shipping":{"service":"standard","carrier":"fedex"}}`,
		id, strings.Join(lines, ","), w.postal, w.token)
}

// place places an order and gives its id.
func (s shop) place(w wish) string {
	s.t.Helper()
	a := s.command(http.StatusCreated, "/v1/orders", w.json())
	return a.body["order_id"].(string)
}

func (s shop) order(id string) map[string]any {
	s.t.Helper()
	a := s.get("/v1/orders/" + id)
	if a.status != http.StatusOK {
		s.t.Fatalf("GET order %s: %d %s", id, a.status, a.raw)
	}
	return a.body
}

// until waits for an order's status.
func (s shop) until(id, status string) map[string]any {
	s.t.Helper()
	var last map[string]any
	defer func() {
		if s.t.Failed() {
			timeline, err := s.Run("timeline", id)
			s.t.Logf("%s (%v)\n%v", timeline, err, last)
		}
	}()
	s.Await(id+" is "+status, func() bool {
		last = s.order(id)
		return last["status"] == status
	})
	return last
}

// attention waits until an order needs attention for a step and gives the entry.
func (s shop) attention(id, step string) map[string]any {
	s.t.Helper()
	var found map[string]any
	s.Await(id+" needs attention for "+step, func() bool {
		for _, each := range list(s.order(id)["attention"]) {
			if each["step"] == step {
				found = each
			}
		}
		return found != nil
	})
	return found
}

// list reads a JSON array of objects.
func list(value any) []map[string]any {
	items, _ := value.([]any)
	var all []map[string]any
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			all = append(all, object)
		}
	}
	return all
}

// fault injects a fault into the simulator.
func (s shop) fault(body string) {
	s.t.Helper()
	response, err := http.Post(s.SimulatorURL+"/faults", "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		text, _ := io.ReadAll(response.Body)
		s.t.Fatalf("POST /faults: %s %s", response.Status, text)
	}
}

func (s shop) healFaults() {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodDelete, s.SimulatorURL+"/faults", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = response.Body.Close()
}

// ledger counts the effects of each operation on an order that really happened.
func (s shop) ledger(book, orderID string) map[string]int {
	s.t.Helper()
	response, err := http.Get(s.SimulatorURL + "/ledger/" + book + "?order_id=" + url.QueryEscape(orderID))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var entries []struct{ Operation string }
	if err := json.NewDecoder(response.Body).Decode(&entries); err != nil {
		s.t.Fatalf("ledger %s: %v", book, err)
	}
	counts := map[string]int{}
	for _, entry := range entries {
		counts[entry.Operation]++
	}
	return counts
}

func (s shop) wantLedger(book, orderID string, want map[string]int) {
	s.t.Helper()
	if got := s.ledger(book, orderID); fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("ledger of %s: got %v, want %v", book, got, want)
	}
}
