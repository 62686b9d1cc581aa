package stripe_test

import (
	"errors"
	"net"
	"testing"

	"orderly/gateway"
	"orderly/gateway/stripe"
	"orderly/gateway/stripe/stripetest"
)

func wantBalance(t *testing.T, account *stripetest.Server, held, captured, refunded int64) {
	t.Helper()
	gotHeld, gotCaptured, gotRefunded := account.Balance()
	if gotHeld != held || gotCaptured != captured || gotRefunded != refunded {
		t.Errorf("held %d, captured %d, refunded %d, want %d, %d, %d", gotHeld, gotCaptured, gotRefunded, held, captured, refunded)
	}
}

func TestAuthorize_LostAnswer_IsFoundOneWayOrTheOther(t *testing.T) {
	t.Parallel()
	p, server := account(t)
	server.HoldIndex()
	p.fail("authorize", stripetest.TimeoutAfter)
	_, err := p.authorize("o/auth/1", p.visa, 1000)
	expect(t, "authorize", err, "unknown")
	p.wantFound("o/auth/1", false, 0) // too young for the index
	_, err = p.authorize("o/auth/1", p.visa, 1000)
	expect(t, "so it is asked for again", err, "ok")
	server.ReleaseIndex()
	server.ForgetKeys()
	p.wantFound("o/auth/1", true, 1000) // too old for the key
	wantBalance(t, server, 1000, 0, 0)
}

func TestVoid_OfAnAuthorisationThatIsNotInTheIndex_WaitsForIt(t *testing.T) {
	t.Parallel()
	p, server := account(t)
	server.HoldIndex()
	p.fail("authorize", stripetest.TimeoutAfter)
	_, err := p.authorize("o/auth/1", p.visa, 1000)
	expect(t, "authorize", err, "unknown")
	err = p.void("o/void/1", "o/auth/1", "")
	if later, ok := errors.AsType[*gateway.Unavailable](err); !ok || later.RetryAfter <= 0 {
		t.Errorf("void: %v, want to be asked again later", err)
	}
	wantBalance(t, server, 1000, 0, 0)
	server.ReleaseIndex()
	expect(t, "void, when it is in the index", p.void("o/void/1", "o/auth/1", ""), "ok")
	wantBalance(t, server, 0, 0, 0)
}

func TestVoid_ByName_NeedsNoIndex(t *testing.T) {
	t.Parallel()
	p, server := account(t)
	server.HoldIndex()
	auth, err := p.authorize("o/auth/1", p.visa, 1000)
	expect(t, "authorize", err, "ok")
	expect(t, "void", p.void("o/void/1", "o/auth/1", auth.ProviderRef), "ok")
	wantBalance(t, server, 0, 0, 0)
}

func TestVoid_BetweenALostRequestAndItsArrival_LeavesNothingHeld(t *testing.T) {
	t.Parallel()
	for _, lag := range []bool{false, true} {
		p, server := account(t)
		if lag {
			server.HoldIndex()
		}
		p.fail("authorize", stripetest.TimeoutBefore)
		_, err := p.authorize("o/auth/1", p.visa, 1000)
		expect(t, "authorize", err, "unknown")
		expect(t, "void", p.void("o/void/1", "o/auth/1", ""), "ok")
		_, err = p.authorize("o/auth/1", p.visa, 1000)
		expect(t, "the request arrives after all", err, "rejected")
		wantBalance(t, server, 0, 0, 0)
	}
}

func TestServerError_MayHaveHappened_AndIsLookedUp(t *testing.T) {
	t.Parallel()
	p, server := account(t)
	p.fail("authorize", stripetest.Broken)
	for range 2 { // the key keeps the 500
		_, err := p.authorize("o/auth/1", p.visa, 1000)
		expect(t, "authorize", err, "unknown")
	}
	p.wantFound("o/auth/1", true, 1000)
	expect(t, "void", p.void("o/void/1", "o/auth/1", ""), "ok")
	wantBalance(t, server, 0, 0, 0)
}

func TestKeyInUse_IsUnknownUntilTheFirstRequestEnds(t *testing.T) {
	t.Parallel()
	p, server := account(t)
	p.fail("authorize", stripetest.Busy)
	_, err := p.authorize("o/auth/1", p.visa, 1000)
	expect(t, "authorize", err, "unknown")
	p.fail("authorize", stripetest.Busy)
	expect(t, "void", p.void("o/void/1", "o/auth/1", ""), "unknown")
	wantBalance(t, server, 0, 0, 0)
}

func TestRefund_AskedForAgainAfterDays_IsPaidOnce(t *testing.T) {
	t.Parallel()
	p, server := account(t)
	auth, _ := p.authorize("o/auth/1", p.visa, 1000)
	taken, err := p.capture("o/capture/1", auth.ProviderRef, 1000)
	expect(t, "capture", err, "ok")
	first, err := p.refund("o/refund/r1", taken.ProviderRef, 300)
	expect(t, "refund", err, "ok")
	server.ForgetKeys()
	again, err := p.refund("o/refund/r1", taken.ProviderRef, 300)
	if expect(t, "again", err, "ok"); again != first {
		t.Errorf("again: %+v, want %+v", again, first)
	}
	wantBalance(t, server, 0, 1000, 300)
}

func TestAmounts_CurrenciesThatStripeCountsOtherwise(t *testing.T) {
	t.Parallel()
	p, server := account(t)
	auth, err := p.Authorize(t.Context(), gateway.AuthorizeRequest{Key: "o/auth/1", OrderID: "o", Amount: 500, Currency: "ISK", Method: "card", Token: p.visa})
	expect(t, "authorize", err, "ok")
	taken, err := p.Capture(t.Context(), gateway.CaptureRequest{Key: "o/capture/1", OrderID: "o", ProviderRef: auth.ProviderRef, Amount: 500, Currency: "ISK"})
	if expect(t, "capture", err, "ok"); taken.Amount != 500 {
		t.Errorf("captured %d, want 500", taken.Amount)
	}
	p.wantFound("o/capture/1", true, 500)
	wantBalance(t, server, 0, 50000, 0)
}

func TestStripeAway_NothingHasHappened(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_, live := account(t)
	for name, adapter := range map[string]*stripe.Payments{
		"nobody listens":     stripe.New(stripe.Options{Key: "sk_test", URL: "http://" + listener.Addr().String()}),
		"another API key":    stripe.New(stripe.Options{Key: "sk_wrong", URL: live.URL}),
		"URL without a host": stripe.New(stripe.Options{Key: "sk_test", URL: "http://"}),
	} {
		p := provider{Payments: adapter, t: t}
		_, err := p.authorize("o/auth/1", stripetest.Visa, 1000)
		expect(t, name+": authorize", err, "unavailable")
		_, _, err = p.LookupPayment(t.Context(), "o/auth/1")
		expect(t, name+": look up", err, "unavailable")
	}
}
