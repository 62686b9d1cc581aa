package e2e_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

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
	s.until("ord_z", "closed")
	s.fault(noCarrier) // what fails is told to Temporal, too
	s.command(http.StatusCreated, "/v1/orders", fmt.Sprintf(secretOrder, "ord_y"))
	failed := s.attention("ord_y", "BookShipment")
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/ord_y/attention/"+failed["attention_id"].(string)+"/retry", `{"reason":"the carriers are back"}`)
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

// TestDecode_ShowsWhatTemporalKeeps_ToThoseWhoMay takes the payload that holds an order's address to /codec/decode: whoever may sees the
// order in it, and nobody sees the address, which is sealed with the key of its customer.
func TestDecode_ShowsWhatTemporalKeeps_ToThoseWhoMay(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.command(http.StatusCreated, "/v1/orders", fmt.Sprintf(secretOrder, "ord_z"))
	s.until("ord_z", "closed")
	var payloads common.Payloads
	for events := s.Temporal().GetWorkflowHistory(t.Context(), "order-ord_z", "", false, 0); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		payloads.Payloads = append(payloads.Payloads, event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput().GetArgs().GetPayloads()...)
	}
	sealed, err := protojson.Marshal(&payloads)
	if err != nil || len(payloads.GetPayloads()) == 0 {
		t.Fatalf("%d payloads, %v", len(payloads.GetPayloads()), err)
	}
	w := world{shop: s}
	decode := operation{path: "/codec/decode", method: http.MethodPost, body: string(sealed)}
	for role, key := range w.keys("default") {
		a := w.try(decode, key)
		if role != "admin" {
			if a.status != http.StatusForbidden || a.body["code"] != "forbidden" {
				t.Errorf("%s: %d %s", role, a.status, a.raw)
			}
			continue
		}
		var opened common.Payloads
		if err := protojson.Unmarshal([]byte(a.raw), &opened); err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %s (%v)", role, a.status, a.raw, err)
		}
		shown := fmt.Sprint(opened.GetPayloads())
		if !strings.Contains(shown, "cust_z") || !strings.Contains(shown, "tok_visa") || !strings.Contains(shown, "ship_to") {
			t.Errorf("%s does not see the order: %s", role, shown)
		}
		for _, text := range secretTexts {
			if slices.ContainsFunc(disguises(text), func(as string) bool { return strings.Contains(shown, as) }) {
				t.Errorf("%s sees %q: %s", role, text, shown)
			}
		}
	}
	if a := w.try(decode, ""); a.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d %s", a.status, a.raw)
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
	all := s.keptByTemporal()
	for id, kept := range all {
		places["workflow "+id], places["decrypted workflow "+id] = kept.stored, kept.decrypted
	}
	s.wantAllSeen(all["order-ord_y"])
	places["metrics"] = s.get("/metrics").raw
	if !strings.Contains(places["metrics"], "orderly_") {
		s.t.Errorf("there are no metrics: %s", places["metrics"])
	}
	maps.Copy(places, s.Logs())
	for place, content := range places {
		for _, text := range texts {
			if slices.ContainsFunc(disguises(text), func(as string) bool { return strings.Contains(content, as) }) {
				s.t.Errorf("%s holds %q", place, text)
			}
		}
	}
}

// wantAllSeen checks that a look at a workflow would have found what is to be found nowhere.
func (s shop) wantAllSeen(order kept) {
	s.t.Helper()
	if !strings.Contains(order.decrypted, "tok_visa") || strings.Contains(order.stored, "tok_visa") {
		s.t.Error("the order does not show its token when it is decrypted, or shows it before")
	}
	total := 0
	for _, n := range order.encrypted {
		total += n
	}
	if total < 50 || order.encrypted["Failure"] == 0 || order.encrypted["UserMetadata"] == 0 || order.encrypted["MarkerRecordedEventAttributes"] == 0 {
		s.t.Errorf("%d encrypted payloads were seen, in %v: that is not all", total, order.encrypted)
	}
}

// disguises are the ways in which a text may lie somewhere that is not meant to be read: as it is, in hex, and in the base64 that
// JSON makes of bytes, wherever in them it begins.
func disguises(text string) []string {
	all := []string{text, hex.EncodeToString([]byte(text))}
	for before := range 3 {
		bytes := append(make([]byte, before), text...)
		whole := base64.RawStdEncoding.EncodeToString(bytes)
		// What stands in the first and the last letters depends on what is beside the text.
		all = append(all, whole[(before*8+5)/6:len(bytes)*8/6])
	}
	return all
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

// kept is what Temporal has of a workflow: its history, and what is listed of it (search attributes, summary, details).
type kept struct {
	stored, decrypted string
	// encrypted counts the payloads, by the message that they are in.
	encrypted map[string]int
}

// keptByTemporal gives it of all workflows. Nothing but ids, types and search attributes may be there in clear.
func (s shop) keptByTemporal() map[string]kept {
	s.t.Helper()
	all := map[string]kept{}
	s.Await("workflows that are listed", func() bool {
		listed, err := s.Temporal().ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
		if err != nil {
			s.t.Fatal(err)
		}
		clear(all)
		for _, each := range listed.GetExecutions() {
			id := each.GetExecution().GetWorkflowId()
			described, err := s.Temporal().DescribeWorkflowExecution(s.t.Context(), id, each.GetExecution().GetRunId())
			if err != nil {
				s.t.Fatal(err)
			}
			all[id] = all[id].and(s.look(described)).and(s.look(each))
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
	return all
}

func (k kept) and(more kept) kept {
	sum := kept{k.stored + more.stored, k.decrypted + more.decrypted, maps.Clone(more.encrypted)}
	for place, n := range k.encrypted {
		sum.encrypted[place] += n
	}
	return sum
}

// look gives a message as it is stored, and with all of its payloads decrypted. None may be in clear.
func (s shop) look(message proto.Message) kept {
	s.t.Helper()
	raw := func() string {
		bytes, err := proto.Marshal(message)
		if err != nil {
			s.t.Fatal(err)
		}
		return string(bytes)
	}
	stored, encrypted := raw(), s.encrypted(message)
	message = proto.Clone(message)
	s.decrypt(message)
	return kept{stored, raw(), encrypted}
}

// encrypted counts the payloads in a message by the message that each is in. It fails the test for payloads, and for messages and
// stacks of failures, that are there in clear.
func (s shop) encrypted(message proto.Message) map[string]int {
	s.t.Helper()
	counts := map[string]int{}
	err := protorange.Range(message.ProtoReflect(), func(path protopath.Values) error {
		in, ok := path.Index(-1).Value.Interface().(protoreflect.Message)
		if !ok {
			return nil
		}
		switch each := in.Interface().(type) {
		case *common.SearchAttributes:
			return protorange.Break // what is searched for cannot be encrypted
		case *common.Payload:
			place := placeOf(path)
			if string(each.GetMetadata()["encoding"]) != "binary/encrypted" {
				s.t.Errorf("a payload of %s is in clear: %s", place, each)
			}
			counts[place]++
		case *failure.Failure:
			if each.GetSource() == "GoSDK" && (each.GetMessage() != "Encoded failure" || each.GetStackTrace() != "" || each.GetEncodedAttributes() == nil) {
				s.t.Errorf("a failure is in clear: %s", each)
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return counts
}

// placeOf names the message that holds a payload, be it in a list or a map.
func placeOf(path protopath.Values) string {
	for i := path.Len() - 2; i >= 0; i-- {
		if in, ok := path.Index(i).Value.Interface().(protoreflect.Message); ok && in.Descriptor().Name() != "Payloads" {
			return string(in.Descriptor().Name())
		}
	}
	return "nothing"
}
