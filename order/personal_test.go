package order_test

import (
	"testing"

	"orderly/order"
)

var erased = life{&order.PersonalDataErased{}}

var erasureRules = map[string]rule{
	"an order that is not sent needs its address":         {given: placed, when: order.ErasePersonalData{}, refused: "needs its address"},
	"a paid order needs its address":                      {given: paid, when: order.ErasePersonalData{}, refused: "needs its address"},
	"an order of which a part is sent needs its address":  {given: partly, when: order.ErasePersonalData{}, refused: "needs its address"},
	"an order on its way does not":                        {given: shipped, when: order.ErasePersonalData{}, then: erased},
	"a closed order does not":                             {given: closed, when: order.ErasePersonalData{}, then: erased},
	"a cancelled order does not":                          {given: cancelled, when: order.ErasePersonalData{}, then: erased},
	"what is erased cannot be erased again":               {given: closed.and(erased...), when: order.ErasePersonalData{}, refused: "erased already"},
	"an order whose address is erased is delivered still": {given: shipped.and(erased...), when: order.PassDeadline{}},
}

func TestErasure(t *testing.T) {
	t.Parallel()
	check(t, erasureRules)
	if s := stateOf(closed.and(erased...)); s.ShipTo.Clear != nil || s.ShipTo.Sealed != nil || s.ErasedAt.IsZero() {
		t.Errorf("got %+v, erased at %s", s.ShipTo, s.ErasedAt)
	}
}
