package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orderly/eventstore"
)

func TestVerifyReport_ManyFaults_ListsSomeAndCountsAll(t *testing.T) {
	t.Parallel()
	report := &verifyReport{}
	for i := range listedFaults + 20 {
		report.add(&eventstore.FaultError{Stream: fmt.Sprintf("ord_%d", i), Version: 2, Fault: eventstore.FaultHash, Problem: "changed"})
	}
	var text strings.Builder
	if err := report.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ord_99 version 2", "and 20 more", "NOT SOUND, faults: 120"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("want %q in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "ord_100 ") {
		t.Error("more than a hundred are listed")
	}
}

func TestProgress_NoTerminal_WritesALineNowAndThen(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	p := newProgress(&text, "verified", 10)
	p.set(1, "first")
	p.silent = time.Now().Add(-time.Second)
	p.set(2, "second")
	p.set(3, "third")
	p.end()
	if want := "verified so far: second\n"; text.String() != want {
		t.Errorf("got %q, want %q", text.String(), want)
	}
}
