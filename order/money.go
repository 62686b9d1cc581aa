package order

import (
	"errors"
	"math"
	"math/bits"
)

// ErrOverflow is returned when an amount does not fit in 64 bits.
var ErrOverflow = errors.New("amount overflows 64 bits")

// MaxAmount is the largest single amount that is accepted, in minor units.
const MaxAmount int64 = 1_000_000_000_000

func add(a, b int64) (int64, error) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, ErrOverflow
	}
	return a + b, nil
}

func subtract(a, b int64) (int64, error) {
	if b < 0 && a > math.MaxInt64+b || b > 0 && a < math.MinInt64+b {
		return 0, ErrOverflow
	}
	return a - b, nil
}

func multiply(a, b int64) (int64, error) {
	if a == 0 || b == 0 {
		return 0, nil
	}
	product := a * b
	if product/b != a || a == math.MinInt64 && b == -1 {
		return 0, ErrOverflow
	}
	return product, nil
}

// share is amount * part / whole, rounded down, computed in 128 bits. It wants 0 <= part <= whole, whole > 0 and
// amount >= 0.
//
// Pieces of an amount are cut as differences of shares (the share up to here less the share up to the piece before),
// so that the pieces always add up to the amount, to the minor unit, whatever the order in which they are cut.
func share(amount, part, whole int64) int64 {
	hi, lo := bits.Mul64(uint64(amount), uint64(part))
	quotient, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(quotient)
}

// Total is the sum of quantity * unit price + tax - discount over the lines, plus the shipping fee.
func Total(lines []Line, shippingFee int64) (int64, error) {
	total := shippingFee
	for _, line := range lines {
		goods, err := line.amount()
		if err != nil {
			return 0, err
		}
		if total, err = add(total, goods); err != nil {
			return 0, err
		}
	}
	return total, nil
}

func (l Line) amount() (int64, error) {
	goods, err := multiply(l.Quantity, l.UnitPrice)
	if err != nil {
		return 0, err
	}
	if goods, err = add(goods, l.Tax); err != nil {
		return 0, err
	}
	return subtract(goods, l.Discount)
}
