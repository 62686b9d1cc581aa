package simulator_test

import (
	"testing"

	"orderly/gateway"
	"orderly/gateway/simulator"
)

func TestNotify_OnceForEachKey(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	shipped := gateway.NotifyRequest{Key: "o/notify/shipped", OrderID: "o", CustomerID: "c", Kind: "shipped"}

	for range 2 {
		if err := w.Notify(t.Context(), shipped); err != nil {
			t.Fatal(err)
		}
	}

	cancelled := shipped
	cancelled.Key, cancelled.Kind = "o/notify/cancelled", "cancelled"

	if err := w.Notify(t.Context(), cancelled); err != nil {
		t.Fatal(err)
	}

	nobody := gateway.NotifyRequest{Key: "o/notify/nobody", OrderID: "o", Kind: "shipped"}
	if err := w.Notify(t.Context(), nobody); err == nil {
		t.Error("a notice for nobody was taken")
	}

	w.wantEffects("notifications", "shipped o/notify/shipped 1", "cancelled o/notify/cancelled 1")
}

func TestNotify_Faults(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	if status, body := w.call("POST", "/faults", `{"service":"notifications","operation":"send","mode":"unavailable","rate":1}`); status/100 != 2 {
		t.Fatalf("fault: %d %s", status, body)
	}

	if err := w.Notify(t.Context(), gateway.NotifyRequest{Key: "k", OrderID: "o", CustomerID: "c", Kind: "shipped"}); err == nil {
		t.Error("it was told though the notifier is down")
	}

	w.wantEffects("notifications")
}
