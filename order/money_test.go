package order

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAdd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b, want int64
		overflows  bool
	}{
		{a: 1, b: 2, want: 3},
		{a: math.MaxInt64 - 1, b: 1, want: math.MaxInt64},
		{a: math.MinInt64 + 1, b: -1, want: math.MinInt64},
		{a: math.MaxInt64, b: math.MinInt64, want: -1},
		{a: math.MaxInt64, b: 1, overflows: true},
		{a: math.MinInt64, b: -1, overflows: true},
	} {
		got, err := add(test.a, test.b)
		if got != test.want || errors.Is(err, ErrOverflow) != test.overflows {
			t.Errorf("add(%d, %d): got %d, %v; want %d, overflow %t", test.a, test.b, got, err, test.want, test.overflows)
		}
	}
}

func TestSubtract(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b, want int64
		overflows  bool
	}{
		{a: 3, b: 2, want: 1},
		{a: 2, b: 3, want: -1},
		{a: -1, b: math.MinInt64, want: math.MaxInt64},
		{a: math.MinInt64 + 1, b: 1, want: math.MinInt64},
		{a: 0, b: math.MinInt64, overflows: true},
		{a: math.MinInt64, b: 1, overflows: true},
	} {
		got, err := subtract(test.a, test.b)
		if got != test.want || errors.Is(err, ErrOverflow) != test.overflows {
			t.Errorf("subtract(%d, %d): got %d, %v; want %d, overflow %t", test.a, test.b, got, err, test.want, test.overflows)
		}
	}
}

func TestMultiply_IsExactOrOverflows(t *testing.T) {
	t.Parallel()
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -2, -1, 0, 1, 2, 3037000499, 3037000500, math.MaxInt64 - 1, math.MaxInt64}
	for _, a := range edges {
		for _, b := range edges {
			checkProduct(t, a, b)
		}
	}
	rapid.Check(t, func(rt *rapid.T) { checkProduct(rt, rapid.Int64().Draw(rt, "a"), rapid.Int64().Draw(rt, "b")) })
}

func checkProduct(t rapid.TB, a, b int64) {
	t.Helper()
	exact := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	got, err := multiply(a, b)
	if exact.IsInt64() && (err != nil || got != exact.Int64()) {
		t.Errorf("%d * %d: got %d, %v; want %d", a, b, got, err, exact)
	}
	if !exact.IsInt64() && !errors.Is(err, ErrOverflow) {
		t.Errorf("%d * %d: got %d, %v; want an overflow", a, b, got, err)
	}
}

func TestTotal(t *testing.T) {
	t.Parallel()
	most := Line{Quantity: 1, UnitPrice: math.MaxInt64}
	tests := map[string]struct {
		lines       []Line
		shippingFee int64
		want        int64
		overflows   bool
	}{
		"nothing":                {want: 0},
		"the fee alone":          {shippingFee: 490, want: 490},
		"tax up, discount down":  {lines: []Line{{Quantity: 3, UnitPrice: 100, Tax: 57, Discount: 7}}, want: 350},
		"several lines":          {lines: []Line{{Quantity: 2, UnitPrice: 50}, {Quantity: 1, UnitPrice: 1}}, shippingFee: 9, want: 110},
		"the most that there is": {lines: []Line{most}, want: math.MaxInt64},
		"beyond it, by the fee":  {lines: []Line{most}, shippingFee: 1, overflows: true},
		"beyond it, by lines":    {lines: []Line{most, {Quantity: 1, UnitPrice: 1}}, overflows: true},
		"beyond it, by quantity": {lines: []Line{{Quantity: 2, UnitPrice: math.MaxInt64}}, overflows: true},
		"beyond it, by tax":      {lines: []Line{{Quantity: 1, UnitPrice: math.MaxInt64, Tax: 1}}, overflows: true},
		// An amount may not pass through what does not fit, though it would come back.
		"beyond it for a moment": {lines: []Line{{Quantity: 1, UnitPrice: math.MaxInt64, Tax: 1, Discount: 1}}, overflows: true},
		"the least discount":     {lines: []Line{{Quantity: 1, Discount: math.MinInt64}}, overflows: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Total(test.lines, test.shippingFee)
			if got != test.want || errors.Is(err, ErrOverflow) != test.overflows {
				t.Errorf("got %d, %v; want %d, overflow %t", got, err, test.want, test.overflows)
			}
		})
	}
}

// TestShare_RoundsDown: exactly, also where amount * part does not fit in 64 bits.
func TestShare_RoundsDown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		amount := rapid.Int64Min(0).Draw(rt, "amount")
		whole := rapid.Int64Min(1).Draw(rt, "whole")
		part := rapid.Int64Range(0, whole).Draw(rt, "part")
		want := new(big.Int).Mul(big.NewInt(amount), big.NewInt(part))
		want.Quo(want, big.NewInt(whole))
		if got := share(amount, part, whole); got != want.Int64() {
			rt.Fatalf("share(%d, %d, %d): got %d, want %d", amount, part, whole, got, want)
		}
	})
}

// TestShipmentValue_ParcelsAddUpToTheTotal: to the minor unit, however the lines are spread over the parcels.
func TestShipmentValue_ParcelsAddUpToTheTotal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		state := State{ShippingFee: rapid.Int64Range(0, 1000).Draw(rt, "fee")}
		parcels := rapid.IntRange(1, 4).Draw(rt, "parcels")
		for n := range parcels {
			state.Shipments = append(state.Shipments, Shipment{ShipmentID: fmt.Sprint(n)})
		}
		for i := range rapid.IntRange(1, 4).Draw(rt, "lines") {
			line := Line{LineID: fmt.Sprint(i), UnitPrice: rapid.Int64Range(1, 1000).Draw(rt, "price"), Tax: rapid.Int64Range(0, 99).Draw(rt, "tax")}
			for range rapid.IntRange(1, 4).Draw(rt, "allocations") {
				quantity := rapid.Int64Range(1, 5).Draw(rt, "quantity")
				parcel := &state.Shipments[rapid.IntRange(0, parcels-1).Draw(rt, "parcel")]
				parcel.Lines = append(parcel.Lines, ShipmentLine{LineID: line.LineID, Quantity: quantity})
				line.Quantity += quantity
			}
			state.Lines = append(state.Lines, line)
		}
		var sum int64
		for _, parcel := range state.Shipments {
			value := state.shipmentValue(parcel.ShipmentID)
			if value < 0 {
				rt.Fatalf("parcel %s is worth %d", parcel.ShipmentID, value)
			}
			sum += value
		}
		if total, _ := Total(state.Lines, state.ShippingFee); sum != total {
			rt.Fatalf("the parcels are worth %d together, the order %d", sum, total)
		}
	})
}

// TestAvailableLines_ShrinkInProportion: what is left of a line bears its part of the tax and the discount, rounded down.
func TestAvailableLines_ShrinkInProportion(t *testing.T) {
	t.Parallel()
	state := State{
		Lines: []Line{
			{LineID: "l1", Quantity: 3, UnitPrice: 100, Tax: 50, Discount: 10},
			{LineID: "l2", Quantity: 2, UnitPrice: 100},
			{LineID: "l3", Quantity: 1, UnitPrice: 100, Tax: 19},
		},
		Stock: Stock{Missing: []Allocation{{LineID: "l1", Quantity: 1}, {LineID: "l2", Quantity: 2}}},
	}
	want := []Line{{LineID: "l1", Quantity: 2, UnitPrice: 100, Tax: 33, Discount: 6}, {LineID: "l3", Quantity: 1, UnitPrice: 100, Tax: 19}}
	if got := state.availableLines(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := state.Lines[0].Quantity; got != 3 {
		t.Errorf("the order's own line has %d pieces now", got)
	}
}
