package simulator

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestOpenJournal_TornLastLine_IsCutOff(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	path := filepath.Join(dir, journalName)
	whole := `{"effects":{"block":"payments a"}}` + "\n"

	if err := os.WriteFile(path, []byte(whole+`{"effects":{"blo`), 0o600); err != nil {
		t.Fatal(err)
	}

	st := newState()

	j, err := openJournal(dir, st.apply)
	if err != nil {
		t.Fatalf("openJournal: %v", err)
	}

	if err := j.append(record{Effects: &effects{Block: "payments b"}}); err != nil {
		t.Fatalf("append: %v", err)
	}

	if err := j.close(); err != nil {
		t.Fatalf("close: %v", err)
	}

	got, err := os.ReadFile(path)
	if want := whole + `{"effects":{"block":"payments b"}}` + "\n"; err != nil || string(got) != want {
		t.Errorf("journal = %q, %v, want %q", got, err, want)
	}

	if !st.blocked["payments a"] {
		t.Error("the whole line was not applied")
	}
}

func TestOpenJournal_DamagedInside_IsAnError(t *testing.T) {
	t.Parallel()

	for name, content := range map[string]string{
		"not JSON":         "{\n{}\n",
		"unknown ledger":   `{"effects":{"ledger":"gold","entry":{}}}` + "\n",
		"unknown booking":  `{"progress":{"ref":"bkg_1"}}` + "\n",
		"unknown cancel":   `{"effects":{"cancel_ref":"bkg_1"}}` + "\n",
		"unknown delivery": `{"effects":{"parcel":{"ref":"b"}}}` + "\n" + `{"progress":{"ref":"b","delivered":"e"}}` + "\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, journalName), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}

		if _, err := New(Options{DataDir: dir}); err == nil {
			t.Errorf("%s: New accepted it", name)
		}
	}
}

func FuzzReadRecords(f *testing.F) {
	f.Add([]byte(`{"answer":{"key":"k","status":200,"body":{}}}` + "\n"))
	f.Add([]byte(`{"effects":{"parcel":{"ref":"b"},"cancel_ref":"b"}}` + "\n" + `{"progress":{"ref":"b","event":{"event_id":"e"}}}` + "\n"))
	f.Add([]byte(`{"effects":{"ledger":"stock","entry":{"order_id":"o"}}}` + "\n{\"torn"))
	f.Add([]byte("null\n\n[]\n"))

	f.Fuzz(func(t *testing.T, data []byte) {
		st := newState()

		size, err := readRecords(bytes.NewReader(data), st.apply)
		if size < 0 || size > int64(len(data)) {
			t.Fatalf("size = %d of %d", size, len(data))
		}

		if size > 0 && data[size-1] != '\n' {
			t.Errorf("size %d does not end a line", size)
		}

		// What was read must read the same again: that is what a second restart does.
		if again, errAgain := readRecords(bytes.NewReader(data[:size]), newState().apply); err == nil && (errAgain != nil || again != size) {
			t.Errorf("read again: %d, %v, want %d", again, errAgain, size)
		}
	})
}
