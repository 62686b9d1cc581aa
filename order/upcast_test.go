package order

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUpcast_OrderCreated_StepByStep(t *testing.T) {
	t.Parallel()
	steps := []struct {
		lift       upcaster
		from, want string
	}{
		{orderCreatedToV2, `{"customer_id":"c","total":1250}`, `{"customer_id":"c","total":1250,"currency":"USD"}`},
		{
			orderCreatedToV3, `{"customer_id":"c","total":1250,"currency":"EUR"}`,
			`{"customer_id":"c","total":1250,"currency":"EUR","tenant":"default","shipping_fee":0,"ship_to":{},"shipping":{},"method":"","token":"",
			  "lines":[{"line_id":"l1","sku":"UNSPECIFIED","quantity":1,"unit_price":1250,"tax":0,"discount":0}]}`,
		},
		{
			shipToMayBeSealed, `{"ship_to":{"name":"A. Buyer","country":"US"}}`,
			`{"ship_to":{"country":"US","clear":{"name":"A. Buyer","country":"US"}}}`,
		},
	}
	if len(steps) != len(upcasters["OrderCreated"]) {
		t.Fatalf("%d steps are tested, there are %d", len(steps), len(upcasters["OrderCreated"]))
	}
	for i, step := range steps {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(step.from), &fields); err != nil {
			t.Fatal(err)
		}
		if err := step.lift(fields); err != nil {
			t.Fatalf("v%d to v%d: %v", i+1, i+2, err)
		}
		got, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parsed(t, []byte(step.want)), parsed(t, got)); diff != "" {
			t.Errorf("v%d to v%d (- want, + got):\n%s", i+1, i+2, diff)
		}
	}
}

func TestDecodeEvent_OrderCreatedV1_IsInDollarsWithOneLineThatAddsUp(t *testing.T) {
	t.Parallel()
	event, err := DecodeEvent("OrderCreated", 1, []byte(`{"customer_id":"c","total":1250}`))
	if err != nil {
		t.Fatal(err)
	}
	created := event.(*OrderCreated)
	if created.Currency != "USD" || created.CustomerID != "c" || created.Total != 1250 {
		t.Errorf("got %+v, want 12.50 USD of customer c", created)
	}
	if total, err := Total(created.Lines, created.ShippingFee); err != nil || total != created.Total || len(created.Lines) != 1 {
		t.Errorf("got lines %+v of %d (%v), want one of %d", created.Lines, total, err, created.Total)
	}
}

func TestUpcast_IsPure(t *testing.T) {
	t.Parallel()
	for name, files := range goldenFiles(t) {
		for _, file := range files {
			before := bytes.Clone(file.Stored)
			first, err := Upcast(name.eventType, name.schemaVersion, file.Stored)
			if err != nil {
				t.Fatal(err)
			}
			second, err := Upcast(name.eventType, name.schemaVersion, file.Stored)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, file.Stored) {
				t.Errorf("%s v%d: the stored data was changed to %s", name.eventType, name.schemaVersion, file.Stored)
			}
			if !bytes.Equal(first, second) {
				t.Errorf("%s v%d: got %s, then %s", name.eventType, name.schemaVersion, first, second)
			}
		}
	}
}

func TestUpcast_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		eventType     string
		schemaVersion int
		data          string
		wants         []string // in the message
	}{
		"a newer schema version":             {"OrderCreated", 99, `{}`, []string{"OrderCreated", "99"}},
		"a newer one of a type of one":       {"OrderClosed", 2, `{}`, []string{"OrderClosed", "2"}},
		"version zero":                       {"OrderCreated", 0, `{}`, []string{"OrderCreated", "0"}},
		"a negative version":                 {"OrderCreated", -1, `{}`, []string{"OrderCreated", "-1"}},
		"an unknown type":                    {"OrderTeleported", 1, `{}`, []string{"OrderTeleported"}},
		"an unknown type of a newer version": {"OrderTeleported", 7, `{}`, []string{"OrderTeleported"}},
		"old data without its amount":        {"OrderCreated", 1, `{"customer_id":"c"}`, []string{"OrderCreated", "v2", "v3", "total"}},
		"old data that is no object":         {"OrderCreated", 1, `[]`, []string{"OrderCreated", "v1"}},
		"old data that is null":              {"OrderCreated", 1, `null`, []string{"OrderCreated", "v1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, upcastErr := Upcast(test.eventType, test.schemaVersion, []byte(test.data))
			_, decodeErr := DecodeEvent(test.eventType, test.schemaVersion, []byte(test.data))
			for what, err := range map[string]error{"Upcast": upcastErr, "DecodeEvent": decodeErr} {
				if err == nil {
					t.Errorf("%s has no error", what)
					continue
				}
				for _, want := range test.wants {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: the error %q does not name %q", what, err, want)
					}
				}
			}
		})
	}
}

func TestDecodeEvent_AFieldThatIsNotKnown_IsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	_, err := DecodeEvent("OrderNoteAdded", 1, []byte(`{"text":"x","colour":"red"}`))
	if err == nil || !strings.Contains(err.Error(), "colour") || !strings.Contains(err.Error(), "OrderNoteAdded v1") {
		t.Errorf("got %v, want an error that names the field and the event", err)
	}
}

// FuzzDecodeEvent: whatever is stored, reading it never panics, and what can be read is written and read as the same.
func FuzzDecodeEvent(f *testing.F) {
	for name, files := range goldenFiles(f) {
		for _, file := range files {
			f.Add(name.eventType, name.schemaVersion, []byte(file.Stored))
		}
	}
	f.Add("OrderCreated", 1, []byte(`null`))
	f.Add("OrderHeld", 1, []byte(`{"code":"manual","until":"0001-01-01T00:00:00+23:59"}`))
	f.Fuzz(func(t *testing.T, eventType string, schemaVersion int, data []byte) {
		event, err := DecodeEvent(eventType, schemaVersion, data)
		if err != nil {
			return
		}
		written, err := json.Marshal(event)
		if err != nil {
			t.Fatalf("%s v%d %q was read, but cannot be written: %v", eventType, schemaVersion, data, err)
		}
		again, err := DecodeEvent(eventType, SchemaVersion(eventType), written)
		if err != nil {
			t.Fatalf("%s was written as %s, which cannot be read: %v", eventType, written, err)
		}
		if diff := cmp.Diff(event, again); diff != "" {
			t.Errorf("%s v%d %q reads otherwise when it is written and read again:\n%s", eventType, schemaVersion, data, diff)
		}
	})
}
