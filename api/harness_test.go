package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/live"
	"orderly/order"
	"orderly/readmodel"
	"orderly/webhooks"
	"orderly/workflows"
)

// harness is an API on a database of its own, whose commands are decided on the spot instead of by workflows.
type harness struct {
	*API
	pool   *pgxpool.Pool
	orders *onTheSpot
	key    string
}

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func newHarness(t *testing.T, adjust ...func(*Options)) *harness {
	t.Helper()
	pool := testkit.Database(t)
	store := eventstore.New(pool, eventstore.Options{})
	book := journal.New(store, testPolicy, journal.Options{Vault: testkit.Vault(t, pool)})
	hub := live.NewHub(book.Feed(), nil, zap.NewNop())
	running, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go hub.Run(running)
	options := Options{
		Live:    hub,
		Journal: book, ReadModel: readmodel.New(pool), Store: store, Projections: readmodel.Projections(), Pool: pool,
		WebhookSecret: testSecret, StripeWebhookSecret: stripeSecret, Namespace: "default",
		PublicURL: "http://orderly.test", TemporalUIURL: "http://temporal.test", SessionLifetime: time.Hour,
		Webhooks: webhooks.NewStore(pool, testkit.Vault(t, pool), webhooks.Policy{Overlap: time.Hour}),
	}
	for _, each := range adjust {
		each(&options)
	}
	a := New(options)
	h := &harness{API: a, pool: pool, orders: &onTheSpot{journal: book}}
	a.commands = h.orders
	a.projectedWithin = 0 // nobody projects, unless a test does
	h.key = h.newKey(t, "acme", "admin")
	return h
}

func (h *harness) newKey(t *testing.T, tenant string, roles ...string) string {
	t.Helper()
	key, err := CreateKey(t.Context(), h.pool, NewKey{Name: "test", Tenant: tenant, Roles: roles})
	if err != nil {
		t.Fatalf("create a key: %v", err)
	}
	return key
}

// onTheSpot is a commander without Temporal. It remembers what it was sent; answer, when set, comes before the journal, and busy after it.
type onTheSpot struct {
	journal *journal.Journal
	answer  func(order.Command) error
	busy    func()
	outcome error

	mu   sync.Mutex
	sent []order.Command
}

func (o *onTheSpot) Send(ctx context.Context, orderID string, command order.Command) (workflows.CommandResult, error) {
	o.mu.Lock()
	o.sent = append(o.sent, command)
	answer, busy := o.answer, o.busy
	o.mu.Unlock()
	if answer != nil {
		if err := answer(command); err != nil {
			return workflows.CommandResult{}, err
		}
	}
	result, err := o.journal.Apply(ctx, orderID, command)
	if busy != nil {
		busy()
	}
	return workflows.CommandResult{Version: result.Version, Replayed: result.Replayed}, err
}

func (o *onTheSpot) SendSeen(ctx context.Context, orderID string, _ int, command order.Command) (workflows.CommandResult, error) {
	return o.Send(ctx, orderID, command)
}

func (o *onTheSpot) Outcome(context.Context, string, string) (workflows.CommandResult, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return workflows.CommandResult{}, o.outcome
}

func (o *onTheSpot) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sent)
}

// ask is a request in short: a method and a path, a body, and headers in pairs. The key of the harness goes with it.
type ask struct {
	method, path, body string
	headers            []string
}

func (h *harness) do(t *testing.T, question ask) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), question.method, question.path, strings.NewReader(question.body))
	request.Header.Set("Authorization", "Bearer "+h.key)
	if question.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(question.headers); i += 2 {
		request.Header.Del(question.headers[i])
		if question.headers[i+1] != "" {
			request.Header.Set(question.headers[i], question.headers[i+1])
		}
	}
	recorder := httptest.NewRecorder()
	h.Handler().ServeHTTP(recorder, request)
	h.keepsTheContract(t, question, request, recorder)
	return recorder
}

// keepsTheContract holds an answer against the OpenAPI document, unless there is no such route.
func (h *harness) keepsTheContract(t *testing.T, question ask, request *http.Request, recorder *httptest.ResponseRecorder) {
	t.Helper()
	described, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	request.Body = io.NopCloser(strings.NewReader(question.body))
	if err := described.Check(request, recorder.Result()); err != nil && described.Describes(request) {
		t.Errorf("%s %s: %d: the OpenAPI document says otherwise: %v", question.method, question.path, recorder.Code, err)
	}
}

// committed is the committed OpenAPI document.
var committed = sync.OnceValues(func() (*testkit.Contract, error) {
	document, err := os.ReadFile("openapi.json")
	if err != nil {
		return nil, err
	}
	return testkit.NewContract(document)
})

// post sends a command with an idempotency key.
func (h *harness) post(t *testing.T, path, key, body string) *httptest.ResponseRecorder {
	t.Helper()
	return h.do(t, ask{http.MethodPost, path, body, []string{"Idempotency-Key", key}})
}

func (h *harness) get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	return h.do(t, ask{method: http.MethodGet, path: path})
}

// place places the usual order under an id.
func (h *harness) place(t *testing.T, orderID string) Order {
	t.Helper()
	answer := h.post(t, "/v1/orders", "place-"+orderID, with(t, "order_id", orderID))
	wantStatus(t, answer, http.StatusCreated)
	return decode[Order](t, answer)
}

const usualOrder = `{
	"customer_id": "cust_456", "currency": "USD", "external_ref": "web-991", "channel": "web",
	"lines": [{"sku": "SKU-1", "name": "Mug", "quantity": 2, "unit_price": 4999, "tax": 0, "discount": 0}],
	"shipping_fee": 500, "total": 10498,
	"ship_to": {"name": "A. Buyer", "line1": "1 Main St", "city": "Austin", "region": "TX", "postal_code": "78701", "country": "US", "email": "a@example.com"},
	"payment": {"method": "card", "token": "tok_visa"},
	"shipping": {"service": "standard", "carrier": "fedex"}}`

// without stands for a field that is to be left out.
type without struct{}

// with is the usual order with one field changed; the path is like lines.0.quantity.
func with(t *testing.T, path string, value any) string {
	t.Helper()
	var body any
	if err := json.Unmarshal([]byte(usualOrder), &body); err != nil {
		t.Fatal(err)
	}
	change(t, body, strings.Split(path, "."), value)
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func change(t *testing.T, in any, path []string, value any) {
	t.Helper()
	if list, ok := in.([]any); ok {
		in = list[0]
		path = path[1:]
	}
	fields, ok := in.(map[string]any)
	if !ok {
		t.Fatalf("no object at %v", path)
	}
	if len(path) > 1 {
		change(t, fields[path[0]], path[1:], value)
		return
	}
	if _, leaveOut := value.(without); leaveOut {
		delete(fields, path[0])
		return
	}
	fields[path[0]] = value
}

func decode[T any](t *testing.T, answer *httptest.ResponseRecorder) T {
	t.Helper()
	var value T
	decoder := json.NewDecoder(bytes.NewReader(answer.Body.Bytes()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("answer %s: %v", answer.Body, err)
	}
	return value
}

func wantStatus(t *testing.T, answer *httptest.ResponseRecorder, status int) {
	t.Helper()
	if answer.Code != status {
		t.Fatalf("status %d, want %d: %s", answer.Code, status, answer.Body)
	}
}

// wantProblem checks all that every problem has.
func wantProblem(t *testing.T, answer *httptest.ResponseRecorder, code Code, pointers ...string) Problem {
	t.Helper()
	problem := decode[Problem](t, answer)
	if problem.Code != code {
		t.Fatalf("code %q, want %q: %s", problem.Code, code, answer.Body)
	}
	if answer.Code != problem.Status || answer.Code != kinds[code].status {
		t.Errorf("status %d, in the body %d, want %d", answer.Code, problem.Status, kinds[code].status)
	}
	if got := answer.Header().Get("Content-Type"); got != problemType {
		t.Errorf("content type %q, want %q", got, problemType)
	}
	if problem.TraceID == "" || problem.Title == "" || problem.Type != "urn:orderly:problem:"+string(code) {
		t.Errorf("problem lacks a trace id, title or type: %s", answer.Body)
	}
	for _, pointer := range pointers {
		if !hasPointer(problem.Errors, pointer) {
			t.Errorf("errors %v lack pointer %q", problem.Errors, pointer)
		}
	}
	return problem
}

func hasPointer(faults []Fault, pointer string) bool {
	for _, fault := range faults {
		if fault.Pointer == pointer && fault.Detail != "" {
			return true
		}
	}
	return false
}

// stored is a fingerprint of all rows of all tables.
func (h *harness) stored(t *testing.T) string {
	t.Helper()
	return fmt.Sprint(h.tables(t))
}

// tables is how many rows each table has, and a fingerprint of them.
func (h *harness) tables(t rapid.TB) map[string]string {
	t.Helper()
	const query = `
		SELECT tablename, (xpath('//rows/text()', query_to_xml(format(
			'SELECT count(*) || coalesce('' '' || md5(string_agg(t::text, chr(10) ORDER BY t::text)), '''') AS rows FROM %I t', tablename), false, true, ''
		)))[1]::text
		FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version'`
	rows, err := h.pool.Query(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]string{}
	var name, fingerprint string
	if _, err := pgx.ForEachRow(rows, []any{&name, &fingerprint}, func() error { tables[name] = fingerprint; return nil }); err != nil {
		t.Fatal(err)
	}
	return tables
}
