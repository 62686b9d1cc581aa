package order

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"
)

const allowedGolden = "testdata/allowed.golden"

// TestAllowed_Table compares the table of permissions, as a person reads it, with the one that was agreed on.
func TestAllowed_Table(t *testing.T) {
	t.Parallel()
	got := allowedTable()
	if *update {
		if err := os.WriteFile(allowedGolden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(allowedGolden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("other things are allowed now (- before, + now); if that is meant, run with -update:\n%s", diff)
	}
}

// allowedTable has a row for each command and a column for each status; a number refers to the condition below.
func allowedTable() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := "command"
	for _, status := range Statuses {
		row += "\t" + string(status)
	}
	fmt.Fprintln(table, row)
	var conditions []string
	for _, permission := range permissions {
		allowed := "yes"
		if permission.also != nil {
			if !slices.Contains(conditions, permission.unless) {
				conditions = append(conditions, permission.unless)
			}
			allowed = fmt.Sprintf("if %d", slices.Index(conditions, permission.unless)+1)
		}
		row := permission.command
		for _, status := range Statuses {
			if slices.Contains(permission.statuses, status) {
				row += "\t" + allowed
			} else {
				row += "\t-"
			}
		}
		fmt.Fprintln(table, row)
	}
	table.Flush()
	for i, condition := range conditions {
		fmt.Fprintf(&text, "\n%d: not when %s", i+1, condition)
	}
	return text.String() + "\n"
}

// TestAllowed_EachCommandOfAPersonHasOneRow: a command without a row would be allowed always.
func TestAllowed_EachCommandOfAPersonHasOneRow(t *testing.T) {
	t.Parallel()
	rows := map[string]int{}
	for _, permission := range permissions {
		rows[permission.command]++
		if (permission.also == nil) != (permission.unless == "") {
			t.Errorf("%s has a condition without its words, or words without a condition", permission.command)
		}
	}
	for _, command := range CommandNames() {
		want := 1
		if command == "PlaceOrder" || command == "RecordCarrierUpdate" { // needs no order; is a fact
			want = 0
		}
		if rows[command] != want {
			t.Errorf("%s has %d rows, want %d", command, rows[command], want)
		}
		delete(rows, command)
	}
	if len(rows) > 0 {
		t.Errorf("there are rows of commands that nobody can send: %v", rows)
	}
}

// TestAllowed_EachStepHasItsChoices: a step that is parked without a choice would stay parked.
func TestAllowed_EachStepHasItsChoices(t *testing.T) {
	t.Parallel()
	steps := []StepName{
		ScreenFraud, ReserveStock, AuthorizePayment, CapturePayment, BookShipment, CommitStock,
		DiscardBooking, CancelShipment, VoidPayment, RefundPayment, ReleaseStock, RestockStock, AwaitPickup, AwaitDelivery,
	}
	for _, step := range steps {
		if !slices.Contains(attentionChoices[step], "retry") {
			t.Errorf("%s has the choices %v, want retry among them", step, attentionChoices[step])
		}
	}
	if len(attentionChoices) != len(steps) {
		t.Errorf("%d steps have choices, %d are known here", len(attentionChoices), len(steps))
	}
}
