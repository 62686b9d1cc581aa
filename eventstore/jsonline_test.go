package eventstore_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/eventstore"
)

const soundLine = `{"position":"812.40017","id":"0198f2c5-7c1e-7000-8000-000000000001","order_id":"ord_1","version":2,"event_type":"Noted",` +
	`"schema_version":1,"data":{"text":"<é & \"x\">","n":12345678901234567890},"metadata":{},"created_at":"2026-11-23T14:00:00.123456Z",` +
	`"hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}` + "\n"

func TestLine_DecodesAndEncodesTheSame(t *testing.T) {
	t.Parallel()
	event, err := eventstore.DecodeLine([]byte(soundLine))
	if err != nil {
		t.Fatal(err)
	}
	text, err := eventstore.EncodeLine(event)
	if err != nil || string(text) != soundLine {
		t.Errorf("got %s, %v; want %s", text, err, soundLine)
	}
}

func TestDecodeLine_Refuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ old, with string }{
		"unknown field":        {`"metadata"`, `"extra":1,"metadata"`},
		"no JSON":              {`{"position"`, `{position`},
		"cut off":              {`"}` + "\n", ``},
		"two on a line":        {`"}` + "\n", `"}{}`},
		"no position":          {`"position":"812.40017",`, ``},
		"bad position":         {`812.40017`, `812`},
		"no id":                {`"id":"0198f2c5-7c1e-7000-8000-000000000001",`, ``},
		"no stream":            {`ord_1`, ``},
		"NUL in stream":        {`ord_1`, `ord\u0000`},
		"version 0":            {`"version":2`, `"version":0`},
		"version too large":    {`"version":2`, `"version":2147483648`},
		"no type":              {`Noted`, ``},
		"schema version 0":     {`"schema_version":1`, `"schema_version":0`},
		"no data":              {`"data":{"text":"<é & \"x\">","n":12345678901234567890},`, ``},
		"no metadata":          {`"metadata":{},`, ``},
		"nanoseconds":          {`.123456Z`, `.1234567Z`},
		"year beyond the last": {`2026-11-23T14:00:00.123456Z`, `9999-12-31T23:59:59-01:00`},
		"short hash":           {`e3b0`, `e3`},
		"no hexadecimal hash":  {`e3b0`, `xyz0`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(soundLine, tt.old, tt.with, 1)
			if text == soundLine {
				t.Fatal("the case changes nothing")
			}
			if event, err := eventstore.DecodeLine([]byte(text)); err == nil {
				t.Errorf("%s was read as %+v", text, event)
			}
		})
	}
}

// FuzzDecodeLine wants that nothing panics, and that what was read is written and read again as the same.
func FuzzDecodeLine(f *testing.F) {
	for _, seed := range []string{soundLine, `{}`, `null`, `{"position":null}`, strings.ToUpper(soundLine), strings.Replace(soundLine, `Z"`, `+01:00"`, 1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		event, err := eventstore.DecodeLine(data)
		if err != nil {
			return
		}
		text, err := eventstore.EncodeLine(event)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", data, err)
		}
		if n := bytes.Count(text, []byte("\n")); n != 1 || !bytes.HasSuffix(text, []byte("\n")) {
			t.Fatalf("%q became %d lines", data, n)
		}
		again, err := eventstore.DecodeLine(text)
		if err != nil {
			t.Fatalf("%q was written as %q, which is refused: %v", data, text, err)
		}
		second, err := eventstore.EncodeLine(again)
		if err != nil || !bytes.Equal(text, second) {
			t.Fatalf("%q became %q, then %q, %v", data, text, second, err)
		}
		// Only white space within the JSON may be gone.
		event.Data, event.Metadata, again.Data, again.Metadata = nil, nil, nil, nil
		if diff := cmp.Diff(event, again); diff != "" {
			t.Fatalf("%q: %s", data, diff)
		}
	})
}
