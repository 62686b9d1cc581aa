package e2e_test

import (
	"net/http"
	"testing"

	"orderly/gateway/stripe/stripetest"
)

// openWithStripe starts a system whose payments go through Stripe, played by an account of the test's own.
func openWithStripe(t *testing.T, env ...string) (shop, *stripetest.Server) {
	t.Helper()
	account := stripetest.Start(t)
	return open(t, everything, append(env, "ORDERLY_PAYMENTS=stripe", "ORDERLY_STRIPE_KEY=sk_test", "ORDERLY_STRIPE_URL="+account.URL)...), account
}

func wantBalance(t *testing.T, account *stripetest.Server, held, captured, refunded int64) {
	t.Helper()
	gotHeld, gotCaptured, gotRefunded := account.Balance()
	if gotHeld != held || gotCaptured != captured || gotRefunded != refunded {
		t.Errorf("Stripe holds %d, took %d, paid back %d; want %d, %d, %d", gotHeld, gotCaptured, gotRefunded, held, captured, refunded)
	}
}

func TestStripe_AnswersAreLost_ChargesOnce(t *testing.T) {
	t.Parallel()
	s, account := openWithStripe(t)
	account.Fail("/payment_intents", stripetest.TimeoutAfter)
	account.Fail("/capture", stripetest.TimeoutAfter)
	s.until(s.place(wish{token: stripetest.Visa}), "closed")
	wantBalance(t, account, 0, 10498, 0)
}

func TestStripe_ExpiredAuthorisation_IsAuthorisedAgain(t *testing.T) {
	t.Parallel()
	s, account := openWithStripe(t)
	s.until(s.place(wish{token: stripetest.Expiring}), "closed")
	wantBalance(t, account, 0, 10498, 0)
}

func TestStripe_CancelledAfterTheCharge_IsPaidBack(t *testing.T) {
	t.Parallel()
	s, account := openWithStripe(t)
	s.fault(noCarrier)
	id := s.place(wish{token: stripetest.Visa})
	s.attention(id, "BookShipment")
	account.Fail("/refunds", stripetest.Broken)
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"changed my mind"}`)
	s.until(id, "cancelled")
	wantBalance(t, account, 0, 10498, 10498)
}

func TestStripe_CancelledWhileTheAuthorisationIsUnknown_HoldsNothing(t *testing.T) {
	t.Parallel()
	s, account := openWithStripe(t)
	account.HoldIndex()
	for range 100 {
		account.Fail("/payment_intents", stripetest.Busy)
	}
	id := s.place(wish{token: stripetest.Visa})
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"changed my mind"}`)
	account.Heal()
	s.until(id, "cancelled")
	wantBalance(t, account, 0, 0, 0)
}
