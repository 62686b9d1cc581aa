package api

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v85/webhook"

	"orderly/gateway/stripe"
)

const stripeSecret = "whsec_of_the_endpoint"

// tell posts an event as Stripe does, signed with a secret at a moment.
func (h *harness) tell(t *testing.T, secret string, at time.Time, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/webhooks/stripe", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	if secret != "" {
		mac := hex.EncodeToString(sdk.ComputeSignature(at, []byte(body), secret))
		request.Header.Set(stripe.SignatureHeader, fmt.Sprintf("t=%d,v1=%s", at.Unix(), mac))
	}
	answer := httptest.NewRecorder()
	h.Handler().ServeHTTP(answer, request)
	return answer
}

func stripeEvent(id, kind, object string) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2024-06-20","type":%q,"data":{"object":%s}}`, id, kind, object)
}

func TestStripeWebhook_WhatNobodyAskedFor_IsNotedOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	for _, event := range []string{
		stripeEvent("evt_1", "payment_intent.canceled", `{"id":"pi_1","object":"payment_intent","status":"canceled","cancellation_reason":"automatic","metadata":{"order_id":"ord_1"}}`),
		stripeEvent("evt_2", "payment_intent.canceled", `{"id":"pi_1","object":"payment_intent","status":"canceled","cancellation_reason":"fraudulent","metadata":{"order_id":"ord_1"}}`),
		stripeEvent("evt_3", "refund.failed", `{"id":"re_1","object":"refund","status":"failed","failure_reason":"lost_or_stolen_card","metadata":{"order_id":"ord_1"}}`),
	} {
		for range 3 {
			answer := h.tell(t, stripeSecret, time.Now(), event)
			wantStatus(t, answer, http.StatusOK)
			if got := decode[Taken](t, answer); got.Status != "noted" {
				t.Errorf("%s: %s", event, answer.Body)
			}
		}
	}
	events := h.get(t, "/v1/orders/ord_1/events").Body.String()
	if notes := strings.Count(events, `"OrderNoteAdded"`); notes != 3 || h.orders.count() != 4 {
		t.Errorf("%d notes, %d commands, want 3 and 4: %s", notes, h.orders.count(), events)
	}
	for _, part := range []string{"pi_1 has expired", "cancelled there (fraudulent)", "re_1 back (lost_or_stolen_card)"} {
		if !strings.Contains(events, part) {
			t.Errorf("no note says %q: %s", part, events)
		}
	}
}

func TestStripeWebhook_WhatMeansNothingHere_IsAnsweredAndIgnored(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	for name, event := range map[string]string{
		"another kind":          stripeEvent("evt_1", "charge.updated", `{"metadata":{"order_id":"ord_1"}}`),
		"our own void":          stripeEvent("evt_2", "payment_intent.canceled", `{"id":"pi_1","status":"canceled","cancellation_reason":"abandoned","metadata":{"order_id":"ord_1"}}`),
		"another order":         stripeEvent("evt_3", "refund.failed", `{"id":"re_1","metadata":{"order_id":"ord_9"}}`),
		"no order":              stripeEvent("evt_4", "refund.failed", `{"id":"re_1"}`),
		"what is no order's id": stripeEvent("evt_5", "refund.failed", `{"id":"re_1","metadata":{"order_id":"../ord_1"}}`),
	} {
		answer := h.tell(t, stripeSecret, time.Now(), event)
		wantStatus(t, answer, http.StatusOK)
		if got := decode[Taken](t, answer); got.Status != "ignored" {
			t.Errorf("%s: %s", name, answer.Body)
		}
	}
	if h.orders.count() != 1 {
		t.Errorf("%d commands, want the order's alone", h.orders.count())
	}
}

func TestStripeWebhook_Refused(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	now := time.Now()
	event := stripeEvent("evt_1", "refund.failed", `{"id":"re_1","metadata":{"order_id":"ord_1"}}`)
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"unsigned":                h.tell(t, "", now, event),
		"signed by somebody else": h.tell(t, "whsec_other", now, event),
		"recorded":                h.tell(t, stripeSecret, now.Add(-6*time.Minute), event),
		"unsigned, and not JSON":  h.tell(t, "", now, "{"),
	} {
		t.Log(name)
		wantProblem(t, answer, codeSignature)
	}
	wantProblem(t, h.tell(t, stripeSecret, now, "{"), codeMalformed)
	wantProblem(t, h.tell(t, stripeSecret, now, `{"object":"event"}`), codeInvalid)
	wantProblem(t, h.tell(t, stripeSecret, now, stripeEvent("evt_1", "refund.failed", `{"id":7}`)), codeInvalid)
	if h.orders.count() != 1 {
		t.Error("a refused event was taken")
	}
}
