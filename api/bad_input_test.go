package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// badInput is a request that is refused before anything is stored or sent.
type badInput struct {
	name    string
	ask     ask
	code    Code
	pointer string // "none" when the problem lists no fields
}

const none = "none"

func TestBadInput_IsRefusedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	stored, sent := h.stored(t), h.orders.count()
	cases := append(badOrders(t), slices.Concat(badFrames(), badCommands(), badKeys(), badReads())...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer := h.do(t, c.ask)
			var pointers []string
			if c.pointer != none {
				pointers = []string{c.pointer}
			}
			problem := wantProblem(t, answer, c.code, pointers...)
			if c.pointer == none && len(problem.Errors) > 0 {
				t.Errorf("errors are %v, want none", problem.Errors)
			}
		})
	}
	if t.Logf("%d cases", len(cases)); len(cases) < 100 {
		t.Error("these are too few")
	}
	if got := h.stored(t); got != stored {
		t.Errorf("the database has changed:\n%s", cmp.Diff(stored, got))
	}
	if got := h.orders.count(); got != sent {
		t.Errorf("%d commands were sent", got-sent)
	}
}

func badOrders(t *testing.T) []badInput {
	t.Helper()
	tooMany := make([]map[string]any, 201)
	for i := range tooMany {
		tooMany[i] = map[string]any{"sku": "S", "quantity": 1, "unit_price": 1}
	}
	fields := []struct {
		name, path string
		value      any
		pointer    string
	}{
		{"no customer", "customer_id", without{}, "/customer_id"},
		{"no currency", "currency", without{}, "/currency"},
		{"no lines", "lines", without{}, "/lines"},
		{"no ship_to", "ship_to", without{}, "/ship_to"},
		{"no payment", "payment", without{}, "/payment"},
		{"no sku", "lines.0.sku", without{}, "/lines/0/sku"},
		{"no quantity", "lines.0.quantity", without{}, "/lines/0/quantity"},
		{"no price", "lines.0.unit_price", without{}, "/lines/0/unit_price"},
		{"no country", "ship_to.country", without{}, "/ship_to/country"},
		{"no street", "ship_to.line1", without{}, "/ship_to/line1"},
		{"no token", "payment.token", without{}, "/payment/token"},
		{"no method", "payment.method", without{}, "/payment/method"},
		{"null customer", "customer_id", nil, "/customer_id"},
		{"null order id", "order_id", nil, "/order_id"},
		{"null lines", "lines", nil, "/lines"},
		{"null line", "lines", []any{nil}, "/lines/0"},
		{"customer is a number", "customer_id", 7, "/customer_id"},
		{"customer is an object", "customer_id", map[string]any{}, "/customer_id"},
		{"lines are an object", "lines", map[string]any{}, "/lines"},
		{"a line is a text", "lines", []any{"SKU-1"}, "/lines/0"},
		{"quantity is a text", "lines.0.quantity", "2", "/lines/0/quantity"},
		{"quantity is true", "lines.0.quantity", true, "/lines/0/quantity"},
		{"unknown field", "colour", "red", "/colour"},
		{"unknown field in a line", "lines.0.colour", "red", "/lines/0/colour"},
		{"unknown field with a dot", "a.b", without{}, ""},
		{"field in capitals", "Currency", "USD", "/Currency"},
		{"line id", "lines.0.line_id", "l1", "/lines/0/line_id"},
		{"no line", "lines", []any{}, "/lines"},
		{"too many lines", "lines", tooMany, "/lines"},
		{"quantity zero", "lines.0.quantity", 0, "/lines/0/quantity"},
		{"quantity negative", "lines.0.quantity", -1, "/lines/0/quantity"},
		{"quantity too large", "lines.0.quantity", 10_001, "/lines/0/quantity"},
		{"quantity a fraction", "lines.0.quantity", 1.5, "/lines/0/quantity"},
		{"price negative", "lines.0.unit_price", -1, "/lines/0/unit_price"},
		{"price too large", "lines.0.unit_price", 1_000_000_000_001, "/lines/0/unit_price"},
		{"tax negative", "lines.0.tax", -1, "/lines/0/tax"},
		{"discount above the line", "lines.0.discount", 9999, "/lines/0/discount"},
		{"shipping fee negative", "shipping_fee", -1, "/shipping_fee"},
		{"sum too large", "lines.0.unit_price", 1_000_000_000_000, "/total"},
		{"wrong total", "total", 10_497, "/total"},
		{"total negative", "total", -1, "/total"},
		{"unknown currency", "currency", "XYZ", "/currency"},
		{"small currency", "currency", "usd", "/currency"},
		{"unknown country", "ship_to.country", "XX", "/ship_to/country"},
		{"long country", "ship_to.country", "USA", "/ship_to/country"},
		{"blank street", "ship_to.line1", "  ", "/ship_to/line1"},
		{"long street", "ship_to.line1", strings.Repeat("x", 201), "/ship_to/line1"},
		{"email without @", "ship_to.email", "nobody", "/ship_to/email"},
		{"empty order id", "order_id", "", "/order_id"},
		{"order id too long", "order_id", strings.Repeat("a", 51), "/order_id"},
		{"order id with a path", "order_id", "../../etc", "/order_id"},
		{"order id with a slash", "order_id", "a/b", "/order_id"},
		{"order id with an emoji", "order_id", "ord_🙂", "/order_id"},
		{"order id with a line end", "order_id", "ord_1\n", "/order_id"},
		{"order id with a direction mark", "order_id", "ord_\u202e1", "/order_id"},
		{"order id begins with a dash", "order_id", "-rf", "/order_id"},
		{"control character in a name", "ship_to.name", "A\u0007B", "/ship_to/name"},
		{"escape in a name", "ship_to.name", "A\u001b[31mB", "/ship_to/name"},
		{"direction mark in a name", "ship_to.name", "A\u202eB", "/ship_to/name"},
		{"emoji in a sku", "lines.0.sku", "🙂", "/lines/0/sku"},
		{"method with capitals", "payment.method", "Card", "/payment/method"},
		{"token with a space", "payment.token", "tok visa", "/payment/token"},
		{"carrier with a path", "shipping.carrier", "../x", "/shipping/carrier"},
	}
	var cases []badInput
	for _, f := range fields {
		if f.name == "unknown field with a dot" {
			continue
		}
		cases = append(cases, badInput{f.name, placing(with(t, f.path, f.value)), codeInvalid, f.pointer})
	}
	return append(cases, rawOrders()...)
}

func placing(body string) ask {
	return ask{http.MethodPost, "/v1/orders", body, []string{"Idempotency-Key", "bad", "Content-Type", "application/json"}}
}

// rawOrders are bodies that no JSON library would write.
func rawOrders() []badInput {
	edit := func(from, to string) ask { return placing(strings.Replace(usualOrder, from, to, 1)) }
	return []badInput{
		{"empty body", placing(""), codeMalformed, none},
		{"blank body", placing("  \n"), codeMalformed, none},
		{"null body", placing("null"), codeInvalid, ""},
		{"array body", placing("[]"), codeInvalid, ""},
		{"text body", placing(`"order"`), codeInvalid, ""},
		{"half a body", placing(usualOrder[:100]), codeMalformed, none},
		{"trailing data", placing(usualOrder + "{}"), codeMalformed, none},
		{"trailing comma", edit(`"fedex"}}`, `"fedex"},}`), codeMalformed, none},
		{"comment", placing("// order\n" + usualOrder), codeMalformed, none},
		{"byte order mark", placing("\ufeff" + usualOrder), codeMalformed, none},
		{"duplicate key", edit(`"currency": "USD"`, `"currency": "USD", "currency": "EUR"`), codeMalformed, none},
		{"duplicate key escaped", edit(`"currency": "USD"`, `"currency": "USD", "curr\u0065ncy": "EUR"`), codeMalformed, none},
		{"invalid UTF-8", edit("Austin", "Aus\xfftin"), codeMalformed, none},
		{"lone surrogate", edit("Austin", `Aus\ud800tin`), codeMalformed, none},
		{"NUL", edit("Austin", `Aus\u0000tin`), codeMalformed, none},
		{"raw control character", edit("Austin", "Aus\x01tin"), codeMalformed, none},
		{"too deep", placing(strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50)), codeMalformed, none},
		{"very deep", placing(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), codeMalformed, none},
		{"exponent", edit("4999", "5e3"), codeInvalid, "/lines/0/unit_price"},
		{"fraction of nothing", edit("4999", "4999.0"), codeInvalid, "/lines/0/unit_price"},
		{"beyond 64 bits", edit("4999", "99999999999999999999"), codeInvalid, "/lines/0/unit_price"},
		{"beyond floats", edit("4999", "1"+strings.Repeat("0", 400)), codeInvalid, "/lines/0/unit_price"},
		{"not a number", edit("4999", "NaN"), codeMalformed, none},
		{"leading zero", edit("4999", "04999"), codeMalformed, none},
		{"field with a dot", edit(`"currency"`, `"a.b[0]": 1, "currency"`), codeInvalid, "/a.b[0]"},
		{"field with a slash", edit(`"currency"`, `"a/b": 1, "currency"`), codeInvalid, "/a~1b"},
		{"empty field", edit(`"currency"`, `"": 1, "currency"`), codeInvalid, "/"},
		{"huge body", placing(`{"customer_id":"` + strings.Repeat("x", maxBody) + `"}`), codeTooLarge, none},
	}
}
