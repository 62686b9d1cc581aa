package journal

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/order"
)

func TestCommandAndReason_WhateverStandsInThem_AreReadAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Metadata{
			CommandID: rapid.String().Draw(t, "command"), Reason: rapid.String().Draw(t, "reason"),
			WorkflowID: rapid.String().Draw(t, "workflow"), Source: rapid.String().Draw(t, "source"),
		}
		want.Actor.ID = rapid.String().Draw(t, "actor")
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		command, reason, err := commandAndReason(text)
		if err != nil || command != want.CommandID || reason != want.Reason {
			t.Fatalf("%s: got %q, %q, %v", text, command, reason, err)
		}
	})
}

func TestCommandAndReason_OfOtherShapes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text, command, reason string
		wantErr               bool
	}{
		"of none":                {text: `{}`},
		"within another value":   {text: `{"actor": {"reason": "inner", "command_id": "inner"}, "command_id": "c"}`, command: "c"},
		"in an escaped key":      {text: `{"re\u0061son": "r"}`, reason: "r"},
		"a number":               {text: `{"reason": 1}`, wantErr: true},
		"null":                   {text: `{"command_id": null, "reason": "r"}`, reason: "r"},
		"all null":               {text: `null`},
		"no object":              {text: `"reason"`, wantErr: true},
		"cut off":                {text: `{"command_id": "c`, wantErr: true},
		"nothing":                {text: ``, wantErr: true},
		"an escape that is none": {text: `{"reason": "\q"}`, wantErr: true},
	} {
		command, reason, err := commandAndReason([]byte(tt.text))
		if (err != nil) != tt.wantErr || err == nil && (command != tt.command || reason != tt.reason) {
			t.Errorf("%s: got %q, %q, %v", name, command, reason, err)
		}
	}
}

// TestDecodeEffect_IsTheEventWithoutItsCommand: whatever stands in the metadata, and however it is written.
func TestDecodeEffect_IsTheEventWithoutItsCommand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(Metadata{
			CommandID: rapid.String().Draw(t, "command"), Reason: rapid.String().Draw(t, "reason"), Source: rapid.String().Draw(t, "source"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "escaped") {
			text = bytes.Replace(text, []byte(`"reason"`), []byte(`"re\u0061son"`), 1)
		}
		event := eventstore.Event{
			StreamID: "ord_1", Version: 2, Type: "OrderHeld", SchemaVersion: order.SchemaVersion("OrderHeld"),
			Data: []byte(`{"code": "manual"}`), Metadata: text, CreatedAt: time.Unix(1, 0),
		}
		want, wantErr := DecodeEvent(event)
		got, err := DecodeEffect(event)
		if err != nil || wantErr != nil {
			t.Fatalf("%s: %v, %v", text, err, wantErr)
		}
		want.CommandID = ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
	})
}
