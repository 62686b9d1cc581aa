package stripe_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"orderly/gateway"
	"orderly/gateway/simulator"
	"orderly/gateway/stripe"
	"orderly/gateway/stripe/stripetest"
)

// provider is a payment provider that a test can disturb.
type provider struct {
	gateway.Payments

	t                         *testing.T
	visa, declining, expiring string
	// fail disturbs the next authorize, capture, void or refund.
	fail func(operation string, mode stripetest.Mode)
}

func simulated(t *testing.T) provider {
	t.Helper()
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections() // a fault may hold a request
		server.Close()
		_ = sim.Close()
	})
	fail := func(operation string, mode stripetest.Mode) {
		body := fmt.Sprintf(`{"service":"payments","operation":%q,"mode":%q,"rate":1,"times":1}`, operation, mode)
		answer, err := http.Post(server.URL+"/faults", "application/json", strings.NewReader(body))
		if err != nil || answer.StatusCode != http.StatusCreated {
			t.Fatalf("fault %s: %v %v", body, answer, err)
		}
		_ = answer.Body.Close()
	}
	return provider{gateway.NewHTTP(server.URL, gateway.Options{Timeout: 500 * time.Millisecond}), t, "tok_visa", "tok_declined", "tok_expires", fail}
}

func faked(t *testing.T) provider {
	t.Helper()
	p, _ := account(t)
	return p
}

// account is Stripe with an account of the test's own.
func account(t *testing.T) (provider, *stripetest.Server) {
	t.Helper()
	server := stripetest.Start(t)
	paths := map[string]string{"authorize": "/payment_intents", "capture": "/capture", "void": "/cancel", "refund": "/refunds"}
	fail := func(operation string, mode stripetest.Mode) { server.Fail(paths[operation], mode) }
	adapter := stripe.New(stripe.Options{Key: "sk_test", URL: server.URL, Timeout: 5 * time.Second})
	return provider{adapter, t, stripetest.Visa, stripetest.Declining, stripetest.Expiring, fail}, server
}

func (p provider) authorize(key, token string, amount int64) (gateway.PaymentResult, error) {
	return p.Authorize(p.t.Context(), gateway.AuthorizeRequest{Key: key, OrderID: "o", Amount: amount, Currency: "USD", Method: "card", Token: token})
}

func (p provider) capture(key, ref string, amount int64) (gateway.PaymentResult, error) {
	return p.Capture(p.t.Context(), gateway.CaptureRequest{Key: key, OrderID: "o", ProviderRef: ref, Amount: amount, Currency: "USD"})
}

func (p provider) refund(key, ref string, amount int64) (gateway.PaymentResult, error) {
	return p.Refund(p.t.Context(), gateway.RefundRequest{Key: key, OrderID: "o", ProviderRef: ref, Amount: amount, Currency: "USD"})
}

func (p provider) void(key, authorizeKey, ref string) error {
	_, err := p.Void(p.t.Context(), gateway.VoidRequest{Key: key, OrderID: "o", AuthorizeKey: authorizeKey, ProviderRef: ref})
	return err
}

// wantFound checks what the provider says about a key.
func (p provider) wantFound(key string, want bool, amount int64) {
	p.t.Helper()
	result, ok, err := p.LookupPayment(p.t.Context(), key)
	if err != nil || ok != want || result.Amount != amount {
		p.t.Errorf("look up %s: %+v, %v, %v, want %v and %d", key, result, ok, err, want, amount)
	}
}

// said names the kind of an outcome: "ok", the class of a refusal, "unavailable" or "unknown".
func said(err error) string {
	if err == nil {
		return "ok"
	}
	if no, ok := errors.AsType[*gateway.Refusal](err); ok {
		return string(no.Class)
	}
	if _, ok := errors.AsType[*gateway.Unavailable](err); ok {
		return "unavailable"
	}
	if _, ok := errors.AsType[*gateway.UnknownOutcome](err); ok {
		return "unknown"
	}
	return "untyped: " + err.Error()
}

func expect(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := said(err); got != want {
		t.Errorf("%s: %s (%v), want %s", what, got, err, want)
	}
}

// contract is what each payment provider must do, whoever it is.
var contract = map[string]func(*testing.T, provider){
	"authorised, captured, refunded: each once, however often it is asked for": func(t *testing.T, p provider) {
		for range 2 {
			auth, err := p.authorize("o/auth/1", p.visa, 1000)
			expect(t, "authorize", err, "ok")
			taken, err := p.capture("o/capture/1", auth.ProviderRef, 1000)
			expect(t, "capture", err, "ok")
			paidBack, err := p.refund("o/refund/r1", taken.ProviderRef, 600)
			expect(t, "refund", err, "ok")
			if auth.Amount != 1000 || taken.Amount != 1000 || paidBack.Amount != 600 {
				t.Errorf("amounts: %+v %+v %+v", auth, taken, paidBack)
			}
			_, err = p.refund("o/refund/r2", taken.ProviderRef, 401)
			expect(t, "refund of more than is left", err, "rejected")
		}
		p.wantFound("o/auth/1", true, 1000)
		p.wantFound("o/capture/1", true, 1000)
		p.wantFound("o/auth/2", false, 0)
	},
	"a capture of more than was authorised is refused": func(t *testing.T, p provider) {
		auth, err := p.authorize("o/auth/1", p.visa, 1000)
		expect(t, "authorize", err, "ok")
		_, err = p.capture("o/capture/1", auth.ProviderRef, 1001)
		expect(t, "capture", err, "rejected")
		p.wantFound("o/capture/1", false, 0)
	},
	"declines are refusals of their class": func(t *testing.T, p provider) {
		for range 2 {
			_, err := p.authorize("o/auth/1", p.declining, 1000)
			expect(t, "declining", err, "declined")
			_, err = p.authorize("o/auth/2", "no_such_method", 1000)
			expect(t, "unknown method", err, "declined")
		}
		p.wantFound("o/auth/1", false, 0)
	},
	"an expired authorisation is authorised again": func(t *testing.T, p provider) {
		auth, err := p.authorize("o/auth/1", p.expiring, 1000)
		expect(t, "authorize", err, "ok")
		_, err = p.capture("o/capture/1", auth.ProviderRef, 1000)
		expect(t, "capture", err, "expired")
		again, err := p.authorize("o/auth/2", p.visa, 1000)
		expect(t, "authorize again", err, "ok")
		_, err = p.capture("o/capture/2", again.ProviderRef, 1000)
		expect(t, "capture again", err, "ok")
	},
	"a key is good for one request": func(t *testing.T, p provider) {
		_, err := p.authorize("o/auth/1", p.visa, 1000)
		expect(t, "authorize", err, "ok")
		_, err = p.authorize("o/auth/1", p.visa, 1001)
		expect(t, "another amount", err, "rejected")
		_, err = p.authorize("", p.visa, 1000)
		expect(t, "no key", err, "rejected")
	},
	"a void gives the authorisation up, however often": func(t *testing.T, p provider) {
		auth, err := p.authorize("o/auth/1", p.visa, 1000)
		expect(t, "authorize", err, "ok")
		expect(t, "void", p.void("o/void/1", "o/auth/1", auth.ProviderRef), "ok")
		expect(t, "void again", p.void("o/void/1", "o/auth/1", auth.ProviderRef), "ok")
		expect(t, "void without its name", p.void("o/void/1b", "o/auth/1", ""), "ok")
		_, err = p.capture("o/capture/1", auth.ProviderRef, 1000)
		expect(t, "capture", err, "rejected")
	},
	"a void of what was captured says so": func(t *testing.T, p provider) {
		auth, _ := p.authorize("o/auth/1", p.visa, 1000)
		_, err := p.capture("o/capture/1", auth.ProviderRef, 1000)
		expect(t, "capture", err, "ok")
		no, ok := errors.AsType[*gateway.Refusal](p.void("o/void/1", "o/auth/1", auth.ProviderRef))
		if !ok || no.Code != gateway.CodeAlreadyCaptured {
			t.Errorf("void: %v, want %s", no, gateway.CodeAlreadyCaptured)
		}
	},
	"a void before the authorisation blocks its key": func(t *testing.T, p provider) {
		expect(t, "void", p.void("o/void/1", "o/auth/1", ""), "ok")
		expect(t, "void again", p.void("o/void/1", "o/auth/1", ""), "ok")
		_, err := p.authorize("o/auth/1", p.visa, 1000)
		expect(t, "late authorisation", err, "rejected")
		p.wantFound("o/auth/1", false, 0)
	},
	"a void may name another authorisation by mistake": func(t *testing.T, p provider) {
		first, _ := p.authorize("o/auth/1", p.visa, 1000)
		_, err := p.authorize("o/auth/2", p.visa, 200)
		expect(t, "authorize", err, "ok")
		expect(t, "void", p.void("o/void/2", "o/auth/2", first.ProviderRef), "ok")
		_, err = p.capture("o/capture/1", first.ProviderRef, 1000)
		expect(t, "the other one", err, "ok")
	},
	"an answer that is lost is asked for again, and nothing happens twice": func(t *testing.T, p provider) {
		for n, mode := range []stripetest.Mode{stripetest.TimeoutBefore, stripetest.TimeoutAfter} {
			key := func(what string) string { return fmt.Sprintf("o/%s/%d", what, n+1) }
			twice := func(operation string, ask func() (gateway.PaymentResult, error)) gateway.PaymentResult {
				p.fail(operation, mode)
				_, err := ask()
				expect(t, operation+" "+string(mode), err, "unknown")
				result, err := ask()
				expect(t, operation+" again", err, "ok")
				return result
			}
			auth := twice("authorize", func() (gateway.PaymentResult, error) { return p.authorize(key("auth"), p.visa, 1000) })
			taken := twice("capture", func() (gateway.PaymentResult, error) { return p.capture(key("capture"), auth.ProviderRef, 1000) })
			twice("refund", func() (gateway.PaymentResult, error) { return p.refund(key("refund"), taken.ProviderRef, 1000) })
			_, err := p.refund(key("refund/more"), taken.ProviderRef, 1)
			expect(t, "all of it is paid back", err, "rejected")
			given, err := p.authorize(key("auth/b"), p.visa, 500)
			expect(t, "authorize", err, "ok")
			twice("void", func() (gateway.PaymentResult, error) {
				return gateway.PaymentResult{}, p.void(key("void"), key("auth/b"), given.ProviderRef)
			})
		}
	},
	"a rate limit says when to come back, and nothing has happened": func(t *testing.T, p provider) {
		p.fail("authorize", stripetest.RateLimit)
		_, err := p.authorize("o/auth/1", p.visa, 1000)
		busy, ok := errors.AsType[*gateway.Unavailable](err)
		if !ok || busy.Code != "rate_limited" || busy.RetryAfter <= 0 {
			t.Errorf("rate limit: %v", err)
		}
		p.wantFound("o/auth/1", false, 0)
	},
	"many at once have one effect": func(t *testing.T, p provider) {
		var group sync.WaitGroup
		refs := make([]string, 16)
		for i := range refs {
			group.Go(func() {
				auth, err := p.authorize("o/auth/1", p.visa, 1000)
				expect(t, "authorize", err, "ok")
				refs[i] = auth.ProviderRef
			})
		}
		group.Wait()
		for _, ref := range refs {
			if ref != refs[0] {
				t.Errorf("two authorisations: %s and %s", ref, refs[0])
			}
		}
	},
}

func TestPayments_KeepTheContract(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) provider{"simulator": simulated, "stripe": faked} {
		for promise, check := range contract {
			t.Run(name+"/"+promise, func(t *testing.T) {
				t.Parallel()
				check(t, start(t))
			})
		}
	}
}
