package simulator_test

import (
	"net/http"
	"testing"
	"time"

	"orderly/gateway"
	"orderly/gateway/simulator"
)

func TestFaults_Modes(t *testing.T) {
	t.Parallel()

	for mode, tt := range map[string]struct {
		want    string
		effects int
	}{
		"unavailable":    {"unavailable", 0},
		"rate_limit":     {"unavailable", 0},
		"reject":         {"declined injected_rejection", 0},
		"timeout_before": {"unknown", 0},
		"timeout_after":  {"unknown", 1},
		"garbage":        {"unknown", 1},
		"slow":           {"unknown", 1},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()

			w := startWith(t, simulator.Options{SlowFor: time.Millisecond}, gateway.Options{Timeout: time.Second})
			w.fault(`{"service":"payments","mode":"` + mode + `","times":1}`)

			_, err := w.authorize("a", "tok_visa", 10)
			expect(t, "with the fault", err, tt.want)

			if got := len(w.effects("payments", "o")); got != tt.effects {
				t.Errorf("%d effects, want %d", got, tt.effects)
			}

			_, ok, err := w.LookupPayment(t.Context(), "a")
			if err != nil || ok != (tt.effects == 1) {
				t.Errorf("LookupPayment = %v, %v", ok, err)
			}

			_, err = w.authorize("a", "tok_visa", 10)
			expect(t, "without it", err, "ok")
			w.wantEffects("payments", "authorize a 10")
		})
	}
}

func TestFaults_RateLimit_SaysWhenToComeBack(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	w.fault(`{"service":"fraud","mode":"rate_limit"}`)

	_, err := w.Screen(t.Context(), gateway.ScreenRequest{Key: "s"})
	if e, ok := err.(*gateway.Unavailable); !ok || e.RetryAfter != time.Second { //nolint:errorlint // the exact type is promised
		t.Errorf("error = %#v, want *Unavailable after 1 s", err)
	}
}

func TestFaults_HitWhatTheyName(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	w.fault(`{"service":"carrier","carrier":"ups","operation":"book","mode":"unavailable"}`)
	w.fault(`{"service":"stock","mode":"reject"}`)
	w.fault(`{"service":"payments","operation":"lookup","mode":"unavailable","times":1}`)

	_, err := w.book("b1", "ups", "s1", "1")
	expect(t, "ups", err, "unavailable")
	_, err = w.book("b1", "dhl", "s1", "1")
	expect(t, "dhl", err, "ok")
	expect(t, "another operation", w.cancel("x", "ups", "b1"), "ok")
	_, err = w.reserve("r", line("l", "SKU-1", 1))
	expect(t, "stock", err, "rejected injected_rejection")
	_, _, err = w.LookupReservation(t.Context(), "r")
	expect(t, "lookup, not named", err, "ok")
	_, err = w.authorize("a", "tok_visa", 1)
	expect(t, "payments", err, "ok")
	_, _, err = w.LookupPayment(t.Context(), "a")
	expect(t, "lookup, named", err, "unavailable")
	_, ok, err := w.LookupPayment(t.Context(), "a")
	expect(t, "lookup, used up", err, "ok")

	if !ok {
		t.Error("the payment was not found")
	}

	var list []simulator.Fault
	w.get("/faults", &list)

	if len(list) != 2 || list[0].ID == "" || list[0].Carrier != "ups" || list[0].Rate != 1 {
		t.Errorf("faults = %+v, want the two that are left", list)
	}

	if status, _ := w.call(http.MethodDelete, "/faults", ""); status != http.StatusNoContent {
		t.Errorf("DELETE /faults = %d", status)
	}

	w.get("/faults", &list)

	if len(list) != 0 {
		t.Errorf("faults = %+v, want none", list)
	}

	_, err = w.book("b1", "ups", "s1", "1")
	expect(t, "after DELETE, a blocked key", err, "rejected key_blocked")
}

func TestFaults_Rate_HitsAShare(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	w.fault(`{"service":"fraud","operation":"screen","mode":"unavailable","rate":0.5}`)

	hits := 0

	for range 200 {
		if _, err := w.Screen(t.Context(), gateway.ScreenRequest{Key: "s"}); err != nil {
			hits++
		}
	}

	if hits < 50 || hits > 150 {
		t.Errorf("%d of 200 hit, want about half", hits)
	}
}

func TestFaults_RateZero_HitsNothing(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	w.fault(`{"service":"payments","mode":"unavailable","rate":0}`)

	for n := range 20 {
		_, err := w.authorize("a"+itoa(int64(n)), "tok_visa", 1)
		expect(t, "authorize", err, "ok")
	}
}

func TestFaults_For_EndsByItself(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	w.fault(`{"service":"fraud","mode":"unavailable","for":"2s"}`)

	_, err := w.Screen(t.Context(), gateway.ScreenRequest{Key: "s"})
	expect(t, "at first", err, "unavailable")
	eventually(t, "the fault ends", func() bool {
		_, err := w.Screen(t.Context(), gateway.ScreenRequest{Key: "s"})

		return err == nil
	})
}

func TestFaults_Invalid(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})

	for _, body := range []string{
		``, `{`, `[]`, `{}`,
		`{"service":"weather","mode":"slow"}`,
		`{"service":"payments"}`,
		`{"service":"payments","mode":"sulk"}`,
		`{"service":"payments","mode":"slow","operation":"book"}`,
		`{"service":"payments","mode":"slow","carrier":"ups"}`,
		`{"service":"carrier","mode":"slow","carrier":"pigeon"}`,
		`{"service":"payments","mode":"slow","rate":-0.1}`,
		`{"service":"payments","mode":"slow","rate":1.5}`,
		`{"service":"payments","mode":"slow","times":0}`,
		`{"service":"payments","mode":"slow","for":"long"}`,
		`{"service":"payments","mode":"slow","for":"-1s"}`,
		`{"service":"payments","mode":"slow","time":1}`,
	} {
		if status, answer := w.call(http.MethodPost, "/faults", body); status != http.StatusBadRequest {
			t.Errorf("POST /faults %s = %d %s, want 400", body, status, answer)
		}
	}
}
