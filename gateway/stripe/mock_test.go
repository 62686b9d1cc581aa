package stripe_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"orderly/gateway/stripe"
)

// stripeMock starts Stripe's own stripe-mock, which checks requests against Stripe's OpenAPI document and knows no state.
func stripeMock(t *testing.T) (url string) {
	t.Helper()
	program := os.Getenv("STRIPE_MOCK_BIN")
	if program == "" {
		t.Skip("STRIPE_MOCK_BIN is not set: `make test` builds stripe-mock and sets it")
	}
	ctx, cancel := context.WithCancel(context.Background())
	mock := exec.CommandContext(ctx, program, "-http-addr", "127.0.0.1:0")
	output, err := mock.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = mock.Wait() // it was killed
	})
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "at address: "); ok {
			host, port, err := net.SplitHostPort(strings.TrimSpace(address))
			if err != nil {
				t.Fatalf("stripe-mock says %q: %v", lines.Text(), err)
			}
			return "http://" + net.JoinHostPort(host, port)
		}
	}
	t.Fatal("stripe-mock says no address")
	return ""
}

// Its answers are fixtures, so an authorisation comes back in another state than it should. What counts here: no request is
// refused, as stripe-mock refuses fields and values that Stripe does not know.
func TestRequests_AreOfTheFormThatStripeDocuments(t *testing.T) {
	t.Parallel()
	url := stripeMock(t)
	p := provider{Payments: stripe.New(stripe.Options{Key: "sk_test_123", URL: url}), t: t}
	_, err := p.authorize("o/auth/1", "pm_card_visa", 1000)
	expect(t, "authorize", err, "unknown")
	_, err = p.capture("o/capture/1", "pi_123", 1000)
	expect(t, "capture", err, "unknown")
	_, err = p.refund("o/refund/r1", "pi_123", 1000)
	expect(t, "refund", err, "ok")
	expect(t, "void by name or key", p.void("o/void/1", "o/auth/1", "pi_123"), "ok")
	_, _, err = p.LookupPayment(t.Context(), "o'auth\\1")
	expect(t, "look up", err, "ok")

	if status := postForm(t, url+"/v1/payment_intents", "amount=1000&currency=usd&capture_methode=manual"); status != http.StatusBadRequest {
		t.Errorf("a field that Stripe does not know: status %d, so the rest proves nothing", status)
	}
}

func postForm(t *testing.T, url, form string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer sk_test_123")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}
