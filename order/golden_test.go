package order

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files; those of events only where there is none yet")

// golden is an event as it was stored once, and what it reads as today. A file is kept for ever: streams are never
// rewritten, so each shape that was ever written stays readable. A new schema version adds a file; it changes "today" in
// the files of the versions before it, by hand, for that is what is to be thought about.
//
// The name is <Type>.v<N>.json, or <Type>.v<N>.<what>.json for a second one, for instance with a field that was added.
type golden struct {
	Stored json.RawMessage `json:"stored"`
	Today  json.RawMessage `json:"today"`
}

const goldenEvents = "testdata/events"

type goldenName struct {
	eventType     string
	schemaVersion int
}

var goldenFile = regexp.MustCompile(`^([A-Za-z]+)\.v([0-9]+)(\.[a-z_]+)?\.json$`)

func goldenFiles(t testing.TB) map[goldenName][]golden {
	t.Helper()
	paths, err := fs.Glob(os.DirFS(goldenEvents), "*")
	if err != nil {
		t.Fatal(err)
	}
	files := map[goldenName][]golden{}
	for _, path := range paths {
		match := goldenFile.FindStringSubmatch(path)
		if match == nil {
			t.Fatalf("%s is not named <Type>.v<N>.json", path)
		}
		version, _ := strconv.Atoi(match[2])
		data, err := os.ReadFile(filepath.Join(goldenEvents, path))
		if err != nil {
			t.Fatal(err)
		}
		var file golden
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		name := goldenName{match[1], version}
		files[name] = append(files[name], file)
	}
	return files
}

func TestGoldenEvents_EveryTypeAndVersionHasAFile(t *testing.T) {
	if *update { // before the tests that read the files, which run when the serial ones are done
		writeMissingFiles(t)
	}
	t.Parallel()
	files := goldenFiles(t)
	for _, eventType := range eventTypes() {
		for version := 1; version <= SchemaVersion(eventType); version++ {
			if len(files[goldenName{eventType, version}]) == 0 {
				t.Errorf("%s/%s.v%d.json is missing", goldenEvents, eventType, version)
			}
		}
	}
	for name := range files {
		if registry[name.eventType] == nil || name.schemaVersion < 1 || name.schemaVersion > SchemaVersion(name.eventType) {
			t.Errorf("there are events of type %s, schema version %d, and the code does not know them any more", name.eventType, name.schemaVersion)
		}
	}
}

func TestGoldenEvents_ReadAsTheyAlwaysDid(t *testing.T) {
	t.Parallel()
	for name, files := range goldenFiles(t) {
		t.Run(fmt.Sprintf("%s.v%d", name.eventType, name.schemaVersion), func(t *testing.T) {
			t.Parallel()
			for _, file := range files {
				event, err := DecodeEvent(name.eventType, name.schemaVersion, file.Stored)
				if err != nil {
					t.Fatal(err)
				}
				got, err := json.Marshal(event)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(parsed(t, file.Today), parsed(t, got)); diff != "" {
					t.Errorf("what is stored reads otherwise (- before, + now); a change of shape needs a schema version:\n%s", diff)
				}
			}
		})
	}
}

func TestGoldenEvents_NewestFilesFillEachField(t *testing.T) {
	t.Parallel()
	files := goldenFiles(t)
	for _, eventType := range eventTypes() {
		filled := map[string]bool{}
		for _, file := range files[goldenName{eventType, SchemaVersion(eventType)}] {
			event, err := DecodeEvent(eventType, SchemaVersion(eventType), file.Stored)
			if err != nil {
				t.Fatal(err)
			}
			filledFields(reflect.ValueOf(event), "", filled)
		}
		for _, path := range slices.Sorted(maps.Keys(filled)) {
			if !filled[path] {
				t.Errorf("no golden file of %s has a value of %s; add %s.v%d.<what>.json", eventType, path, eventType, SchemaVersion(eventType))
			}
		}
	}
}

func TestRegistry_NamesAreThoseOfTheEvents(t *testing.T) {
	t.Parallel()
	for name, newEvent := range registry {
		event := newEvent()
		if event.EventType() != name {
			t.Errorf("%T is registered as %s and calls itself %s", event, name, event.EventType())
		}
	}
}

// filledFields notes for each exported field, by its path, whether some value of it is not zero.
func filledFields(v reflect.Value, path string, filled map[string]bool) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
	case v.Kind() == reflect.Pointer && !v.IsNil():
		filledFields(v.Elem(), path, filled)
		return
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			filledFields(v.Field(i), path+"."+v.Type().Field(i).Name, filled)
		}
		return
	case v.Kind() == reflect.Slice && v.Len() > 0:
		for i := range v.Len() {
			filledFields(v.Index(i), path, filled)
		}
		return
	}
	filled[path] = filled[path] || !v.IsZero()
}

// writeMissingFiles writes a file for each type whose present version has none.
func writeMissingFiles(t *testing.T) {
	t.Helper()
	for _, eventType := range eventTypes() {
		path := filepath.Join(goldenEvents, fmt.Sprintf("%s.v%d.json", eventType, SchemaVersion(eventType)))
		if _, err := os.Stat(path); err == nil {
			continue
		}
		event := registry[eventType]()
		fill(reflect.ValueOf(event).Elem(), "")
		data, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.MarshalIndent(golden{Stored: data, Today: data}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// likely are values of fields by their name in JSON, so that the files read like orders.
var likely = map[string]any{
	"tenant": "acme", "customer_id": "cus_7", "currency": "EUR", "external_ref": "web-1001", "channel": "web",
	"line_id": "l1", "sku": "SKU-1", "quantity": int64(2), "unit_price": int64(4999), "tax": int64(1900), "discount": int64(500),
	"shipping_fee": int64(490), "total": int64(11888), "amount": int64(11888), "refunded_amount": int64(11888),
	"line1": "1 Main Street", "line2": "c/o Smith", "city": "Austin", "region": "TX", "postal_code": "78701", "country": "US",
	"email": "jo@example.com", "phone": "+1 512 555 0100", "service": "express", "carrier": "fedex", "method": "card", "token": "tok_visa",
	"shipment_id": "shp_ord_1_1", "shipment_ids": "shp_ord_1_1", "key": "ord_1/auth/1", "warehouse": "wh-1", "provider_ref": "pay_1",
	"reservation_id": "res_1", "refund_id": "rf_1", "action_id": "act_1", "attention_id": "att_1", "kind": "shortage", "options": "cancel",
	"choice": "retry", "decision": "review", "score": int64(71), "step": "BookShipment", "class": "rejected", "attempts": int64(8),
	"allowed": "retry", "operation": "CapturePayment", "tracking_number": "T1", "tracking_numbers": "T1",
	"name": "Jo Smith", "text": "call before delivery", "reason": "cancellation", "code": "no_capacity", "message": "the van is full",
	"reviewer": "key:k1", "n": int64(1), "booking_ref": "bk_1", "reference": "fs_1", "carrier_event_id": "evt_1", "location": "Austin, TX", "proof": "signed by Jo", "label_url": "https://labels.example.com/T1",
}

// fill gives every field a value.
func fill(v reflect.Value, name string) {
	value, known := likely[name]
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 7, 1, 12, 30, 0, 123456000, time.UTC)))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte("encrypted"))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			fill(v.Field(i), tag)
		}
	case known:
		v.Set(reflect.ValueOf(value).Convert(v.Type()))
	case v.Kind() == reflect.String:
		v.SetString("some " + name)
	case v.CanInt():
		v.SetInt(7)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	default:
		panic(fmt.Sprintf("no example of a %s for %s", v.Type(), name))
	}
}

func eventTypes() []string { return slices.Sorted(maps.Keys(registry)) }

// parsed is JSON as values, with numbers as they are written.
func parsed(t testing.TB, data []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("parse %s: %v", data, err)
	}
	return value
}
