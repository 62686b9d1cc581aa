package e2e_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"orderly/order"
)

// secret is a customer whose personal data is found nowhere by chance.
var secret = order.Address{
	Name: "Zaphod Beeblebrox", Line1: "42 Magrathea Way", Line2: "Floor 7 1/2", City: "Damogran", Region: "Betelgeuse", PostalCode: "ZB4242",
	Country: "US", Email: "zaphod@heartofgold.example", Phone: "+1 555 0142",
}

var secretTexts = []string{
	secret.Name, secret.Line1, secret.Line2, secret.City, secret.Region, secret.PostalCode, secret.Email, secret.Phone,
}

const secretOrder = `{"order_id":%q,"customer_id":"cust_z","currency":"USD","lines":[{"sku":"SKU-1","quantity":1,"unit_price":4200}],
	"ship_to":{"name":"Zaphod Beeblebrox","line1":"42 Magrathea Way","line2":"Floor 7 1/2","city":"Damogran","region":"Betelgeuse",
		"postal_code":"ZB4242","country":"US","email":"zaphod@heartofgold.example","phone":"+1 555 0142"},
	"payment":{"method":"card","token":"tok_visa"},"shipping":{"service":"standard","carrier":"fedex"}}`

func TestPersonalData_IsNowhereInClear_AndGoneAfterErasure(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	placed := s.command(http.StatusCreated, "/v1/orders", fmt.Sprintf(secretOrder, "ord_z"))
	if !strings.Contains(placed.raw, secret.Line1) {
		t.Errorf("the answer does not show the address: %s", placed.raw)
	}
	s.command(http.StatusCreated, "/v1/orders", fmt.Sprintf(secretOrder, "ord_y"))
	s.until("ord_z", "closed")
	s.until("ord_y", "closed")
	if events := s.get("/v1/orders/ord_z/events").raw; !strings.Contains(events, secret.Email) {
		t.Error("the events do not show the address to those who may see it")
	}
	if events := s.get("/v1/orders/ord_z/events?raw=true").raw; strings.Contains(events, secret.Email) {
		t.Error("the events are stored with the address in clear")
	}
	s.wantNowhere(secretTexts)
	s.command(http.StatusCreated, "/v1/orders", wish{id: "ord_other"}.json())

	erased := s.erase("cust_z", "k1", `{"reason":"asked by letter"}`)
	if erased.status != http.StatusOK || fmt.Sprint(erased.body["orders"]) != "2" {
		t.Fatalf("erase: %d %s", erased.status, erased.raw)
	}
	if again := s.erase("cust_z", "k1", `{"reason":"asked by letter"}`); again.raw != erased.raw || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("erase, sent again: %d %s", again.status, again.raw)
	}
	if other := s.erase("cust_z", "k1", `{"reason":"another"}`); other.body["code"] != "idempotency_key_reused" {
		t.Errorf("erase with the key of another request: %d %s", other.status, other.raw)
	}
	if output, err := s.Run("erase", "cust_z", "--reason", "asked by letter"); err != nil || !strings.Contains(output, "2 orders") {
		t.Errorf("erase by command line: %v\n%s", err, output)
	}
	if kept := s.get("/v1/orders/ord_other").raw; !strings.Contains(kept, "1 Main St") {
		t.Errorf("another customer's address is gone: %s", kept)
	}
	for _, path := range []string{"/v1/orders/ord_z", "/v1/orders/ord_z?version=1", "/v1/orders/ord_z/events", "/v1/orders/ord_y"} {
		a := s.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
		for _, text := range secretTexts {
			if strings.Contains(a.raw, text) {
				t.Errorf("%s still shows %q", path, text)
			}
		}
	}
	after := s.get("/v1/orders/ord_z")
	if after.body["status"] != "closed" || fmt.Sprint(after.body["captured"]) != "4200" {
		t.Errorf("the order did not stay whole: %s", after.raw)
	}
	timeline, err := s.Run("timeline", "ord_z")
	if err != nil || !strings.Contains(timeline, "PersonalDataErased") || !strings.Contains(timeline, "asked by letter") {
		t.Errorf("timeline: %v\n%s", err, timeline)
	}
}

func TestErase_WhileAnOrderWaitsToBeSent_IsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(`{"service":"carrier","mode":"reject","rate":1.0}`)
	s.command(http.StatusCreated, "/v1/orders", fmt.Sprintf(secretOrder, "ord_w"))
	found := s.attention("ord_w", "BookShipment")
	if output, err := s.Run("erase", "cust_z", "--reason", "asked by letter"); err == nil || !strings.Contains(output, "ord_w") {
		t.Errorf("erase: %v, want a refusal that names the order\n%s", err, output)
	}
	if refused := s.erase("cust_z", "k1", `{"reason":"asked by letter"}`); refused.status != http.StatusConflict || refused.body["code"] != "not_allowed_now" {
		t.Errorf("erase: %d %s, want a refusal", refused.status, refused.raw)
	}
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/ord_w/attention/"+found["attention_id"].(string)+"/retry", `{"reason":"the carriers are back"}`)
	s.until("ord_w", "closed")
}

func (s shop) erase(customerID, key, body string) answer {
	s.t.Helper()
	a, err := s.call(http.MethodPost, "/v1/customers/"+customerID+"/erase", key, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// wantNowhere looks for texts in every row of the database, in everything that Temporal has of a workflow, as it lies there and
// decrypted, in the metrics and in the logs.
func (s shop) wantNowhere(texts []string) {
	s.t.Helper()
	places := s.rows()
	for id, kept := range s.keptByTemporal() {
		places["workflow "+id], places["decrypted workflow "+id] = kept.stored, kept.decrypted
	}
	places["metrics"] = s.get("/metrics").raw
	if !strings.Contains(places["metrics"], "orderly_") {
		s.t.Errorf("there are no metrics: %s", places["metrics"])
	}
	maps.Copy(places, s.Logs())
	for place, content := range places {
		for _, text := range texts {
			if strings.Contains(content, text) || strings.Contains(content, hex.EncodeToString([]byte(text))) {
				s.t.Errorf("%s holds %q", place, text)
			}
		}
	}
}

// rows is the content of each table as text.
func (s shop) rows() map[string]string {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(s.t.Context()) }()
	rows, err := conn.Query(s.t.Context(), `SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		s.t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 5 {
		s.t.Fatalf("tables: %v, %v", tables, err)
	}
	contents := map[string]string{}
	for _, table := range tables {
		var content *string
		query := fmt.Sprintf(`SELECT string_agg(t::text, E'\n') FROM %s t`, pgx.Identifier{table}.Sanitize())
		if err := conn.QueryRow(s.t.Context(), query).Scan(&content); err != nil {
			s.t.Fatal(err)
		}
		if content != nil {
			contents["table "+table] = *content
		}
	}
	return contents
}

// kept is what Temporal has of a workflow: its history, and what is listed of it (memo, search attributes, summary, details).
type kept struct{ stored, decrypted string }

// keptByTemporal gives it of all workflows. Nothing but ids, types and search attributes may be there in clear.
func (s shop) keptByTemporal() map[string]kept {
	s.t.Helper()
	all := map[string]kept{}
	s.Await("workflows that are listed", func() bool {
		listed, err := s.Temporal().ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, each := range listed.GetExecutions() {
			id := each.GetExecution().GetWorkflowId()
			described, err := s.Temporal().DescribeWorkflowExecution(s.t.Context(), id, each.GetExecution().GetRunId())
			if err != nil {
				s.t.Fatal(err)
			}
			all[id] = s.look(described).and(s.look(each))
			for events := s.Temporal().GetWorkflowHistory(s.t.Context(), id, each.GetExecution().GetRunId(), false, 0); events.HasNext(); {
				event, err := events.Next()
				if err != nil {
					s.t.Fatal(err)
				}
				all[id] = all[id].and(s.look(event))
			}
		}
		return len(all) >= 3 // two orders and the projection
	})
	order := all["order-ord_z"]
	if !strings.Contains(order.decrypted, "tok_visa") || strings.Contains(order.stored, "tok_visa") {
		s.t.Error("order-ord_z does not show its token when it is decrypted, or shows it before")
	}
	if strings.Contains(order.stored, "json/plain") && strings.Contains(order.stored, "cust_z\",\"") {
		s.t.Error("order-ord_z has payloads in clear")
	}
	return all
}

func (k kept) and(more kept) kept { return kept{k.stored + more.stored, k.decrypted + more.decrypted} }

// look gives a message as it is stored, and with all of its payloads decrypted.
func (s shop) look(message proto.Message) kept {
	s.t.Helper()
	raw := func() string {
		bytes, err := proto.Marshal(message)
		if err != nil {
			s.t.Fatal(err)
		}
		return string(bytes)
	}
	stored := raw()
	message = proto.Clone(message)
	s.decrypt(message)
	return kept{stored, raw()}
}
