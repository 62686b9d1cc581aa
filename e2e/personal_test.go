package e2e_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
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

	output, err := s.Run("erase", "cust_z", "--reason", "asked by letter")
	if err != nil || !strings.Contains(output, "2 orders") {
		t.Fatalf("erase: %v\n%s", err, output)
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
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/ord_w/attention/"+found["attention_id"].(string)+"/retry", `{"reason":"the carriers are back"}`)
	s.until("ord_w", "closed")
}

// wantNowhere looks for texts in every row of the database, in every history of a workflow, and in the logs.
func (s shop) wantNowhere(texts []string) {
	s.t.Helper()
	places := s.rows()
	for id, history := range s.histories() {
		places["workflow "+id] = history
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

// histories is everything that Temporal keeps of each workflow: payloads lie in it byte for byte.
func (s shop) histories() map[string]string {
	s.t.Helper()
	temporal, err := client.Dial(client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS"), Namespace: s.Namespace})
	if err != nil {
		s.t.Fatal(err)
	}
	defer temporal.Close()
	histories := map[string]string{}
	s.Await("workflows that are listed", func() bool {
		listed, err := temporal.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, each := range listed.GetExecutions() {
			id := each.GetExecution().GetWorkflowId()
			iterator := temporal.GetWorkflowHistory(s.t.Context(), id, each.GetExecution().GetRunId(), false, 0)
			var history strings.Builder
			for iterator.HasNext() {
				event, err := iterator.Next()
				if err != nil {
					s.t.Fatal(err)
				}
				raw, err := proto.Marshal(event)
				if err != nil {
					s.t.Fatal(err)
				}
				history.Write(raw)
			}
			histories[id] = history.String()
		}
		return len(histories) >= 3 // two orders and the projection
	})
	if !strings.Contains(histories["order-ord_z"], "cust_z") {
		s.t.Error("the history of order-ord_z does not show even its customer's id: it was not read rightly")
	}
	return histories
}
