package eventstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"keys sorted, no space":   {`{ "bb": 1, "a" : [ true, null ] }`, `{"a":[true,null],"bb":1}`},
		"last of duplicate keys":  {`{"a":1,"\u0061":2}`, `{"a":2}`},
		"one way to escape":       {`"\u00e9\/\t\u2028"`, `"é/\t\u2028"`},
		"surrogate pair":          {`"\ud83d\ude00"`, `"😀"`},
		"integers of any size":    {`[-12345678901234567890123, 9007199254740993, 0]`, `[-12345678901234567890123,9007199254740993,0]`},
		"text that looks numeric": {`"1e3"`, `"1e3"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := appendCanonical(nil, []byte(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestChainHash_CoversEveryField(t *testing.T) {
	t.Parallel()
	type input struct {
		before  []byte
		stream  string
		version int
		event   NewEvent
		at      time.Time
	}
	hash := func(change func(*input)) string {
		in := input{
			before: []byte{1}, stream: "s", version: 2, at: time.UnixMicro(3),
			event: NewEvent{ID: uuid.UUID{4}, Type: "T", SchemaVersion: 5, Data: json.RawMessage(`{"a":6}`), Metadata: json.RawMessage(`{}`)},
		}
		change(&in)
		sum, err := chainHash(in.before, in.stream, in.version, in.event, in.at)
		if err != nil {
			t.Fatal(err)
		}
		return string(sum)
	}
	seen := map[string]string{hash(func(*input) {}): "nothing"}
	for name, change := range map[string]func(*input){
		"hash before":    func(in *input) { in.before = []byte{2} },
		"first":          func(in *input) { in.before = nil },
		"stream":         func(in *input) { in.stream = "S" },
		"version":        func(in *input) { in.version = 3 },
		"id":             func(in *input) { in.event.ID[15]++ },
		"type":           func(in *input) { in.event.Type = "U" },
		"schema version": func(in *input) { in.event.SchemaVersion++ },
		"data":           func(in *input) { in.event.Data = json.RawMessage(`{"a":"6"}`) },
		"metadata":       func(in *input) { in.event.Metadata = json.RawMessage(`{"a":6}`) },
		"time":           func(in *input) { in.at = in.at.Add(time.Microsecond) },
		"border moved":   func(in *input) { in.stream, in.before = "", []byte{1, 's'} },
	} {
		sum := hash(change)
		if other, ok := seen[sum]; ok {
			t.Errorf("%q gives the same hash as %q", name, other)
		}
		seen[sum] = name
	}
}

// FuzzCanonical wants a form that is its own, that means what was given, and that does not depend on how it was spaced.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"b":[1,-2,"x"],"a":null}`, `"\ud800"`, `1e3`, `{"a":1,"a":2}`, "\"\xff\"", ` [ ] x`, `-0`,
		`{"b":{"z":1,"a":{}},"a":[{},[]],"a":{"c":[{"b":1,"a":2}]}}`, `{"\u0061":1,"é":"<&>","b\n":"\/\u2028"}`, `{"a" : 1 , "" : { } }`,
		`{"a":1,}`, `[1 2]`, `{"a" 1}`, `[`, `01`, `"\x01"`, `"\`, `tru`, `{1:2}`, `-`, ``, `nul`, `[,1]`, "1\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		form, err := appendCanonical(nil, data)
		if err != nil {
			if !errors.Is(err, ErrInvalidEvent) || json.Valid(data) && !errors.Is(err, errNotInteger) {
				t.Fatalf("%q: refused with %v", data, err)
			}
			return
		}
		if again, err := appendCanonical(nil, form); err != nil || !bytes.Equal(form, again) {
			t.Fatalf("%q: %s became %s, %v", data, form, again, err)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, data, "\t", "  "); err != nil {
			t.Fatal(err)
		}
		if spaced, err := appendCanonical([]byte("x"), indented.Bytes()); err != nil || !bytes.Equal(append([]byte("x"), form...), spaced) {
			t.Fatalf("%q: spaced differently it became %s, %v, not %s", data, spaced, err, form)
		}
		if want := reference(t, data); !bytes.Equal(want, form) {
			t.Fatalf("%q became %s, encoding/json makes %s of it", data, form, want)
		}
	})
}

// reference is the form as encoding/json makes it.
func reference(t *testing.T, data []byte) []byte {
	t.Helper()
	var value any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	form, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func BenchmarkChainHash(b *testing.B) {
	event := NewEvent{
		ID: uuid.UUID{4}, Type: "StockReserved", SchemaVersion: 1,
		Data: json.RawMessage(`{"key":"ord_1/reserve/1","allocations":[{"sku":"SKU-1","line_id":"l1","quantity":2,"warehouse":"east"}],` +
			`"reservation_id":"res_5f0c8e0d6a3b"}`),
		Metadata: json.RawMessage(`{"actor":{"id":"ReserveStock","type":"system"},"source":"workflow","command_id":"ReserveStock/ord_1/reserve/1#0",` +
			`"occurred_at":"2026-11-23T19:22:30.583749Z","workflow_id":"order-ord_1"}`),
	}
	before, at := make([]byte, 32), time.UnixMicro(1)
	for b.Loop() {
		if _, err := chainHash(before, "ord_1", 3, event, at); err != nil {
			b.Fatal(err)
		}
	}
}
