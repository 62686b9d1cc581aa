package bench

import "testing"

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, each := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}, {[]float64{1, 100, 4, 2}, 3}} {
		if got := median(each.values); got != each.want {
			t.Errorf("median of %v is %v, want %v", each.values, got, each.want)
		}
	}
}
