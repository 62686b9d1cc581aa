package order

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// An amendment changes quantities after the order was placed. It is possible until a parcel is being booked. The goods are
// then reserved anew (the old reservation is released first), the parcels are planned anew, and the money follows:
//
//   - nothing was asked for yet: the new total is charged;
//   - authorised, or that may be: the authorisation is given up first, then the new total is authorised;
//   - taken: a lower total is a refund of the difference, a higher one a second authorisation and capture of the difference.
//
// When the difference cannot be charged, the customer is asked for another means of payment; without one the amendment is
// taken back, and the order is again what was paid for.

// MaxQuantity is how many pieces a line may have.
const MaxQuantity = 10_000

// AmendOrder changes the quantities of lines; 0 takes a line out, lines that are not named stay.
type AmendOrder struct {
	Lines []LineQuantity `json:"lines"`
}

// LineQuantity is the new quantity of a line.
type LineQuantity struct {
	LineID   string `json:"line_id"`
	Quantity int64  `json:"quantity"`
}

// CommandName is the name of the command.
func (AmendOrder) CommandName() string { return "AmendOrder" }

// PaidFor is what the customer has paid for while an amendment that costs more is not paid yet.
type PaidFor struct {
	Lines []Line `json:"lines"`
	Total int64  `json:"total"`
}

// amendOpen says whether no carrier has the order yet, and whether it is known where the money is.
func (s State) amendOpen() bool {
	if s.Payment.State == PaymentUnknown {
		return false
	}
	for _, shipment := range s.Shipments {
		if shipment.Superseded || shipment.Status == ShipmentHasFailed {
			continue
		}
		if shipment.Status != ShipmentIsPlanned || s.beingBooked() || shipment.Unwanted || shipment.Goods.No > 0 {
			return false
		}
	}
	return true
}

// beingBooked says whether the parcels that are planned are in the plan now.
func (s State) beingBooked() bool {
	return s.paid() && s.Stock.State == StockIsReserved && len(s.Holds) == 0 && len(s.Actions) == 0
}

func (d *decision) amendOrder(body AmendOrder) error {
	lines, err := d.state.amended(body.Lines)
	if err != nil {
		return err
	}
	total, err := Total(lines, d.state.ShippingFee)
	if err != nil || total > MaxAmount {
		return &InvalidError{Pointer: "/lines", Detail: fmt.Sprintf("the total would be more than %d", MaxAmount)}
	}
	d.amend(lines, total)
	return nil
}

// amended are the lines with other quantities. Tax and discount grow and shrink with them; parts of a minor unit are cut off.
func (s State) amended(wanted []LineQuantity) ([]Line, error) {
	quantities := map[string]int64{}
	for i, each := range wanted {
		at := fmt.Sprintf("/lines/%d", i)
		if !slices.ContainsFunc(s.Lines, func(l Line) bool { return l.LineID == each.LineID }) {
			return nil, &InvalidError{Pointer: at + "/line_id", Detail: "the order has no such line"}
		}
		if _, twice := quantities[each.LineID]; twice {
			return nil, &InvalidError{Pointer: at + "/line_id", Detail: "the line is named twice"}
		}
		if each.Quantity < 0 || each.Quantity > MaxQuantity {
			return nil, &InvalidError{Pointer: at + "/quantity", Detail: fmt.Sprintf("a line has 0 to %d pieces", MaxQuantity)}
		}
		quantities[each.LineID] = each.Quantity
	}
	var lines []Line
	for _, line := range s.Lines {
		quantity, named := quantities[line.LineID]
		if !named {
			quantity = line.Quantity
		}
		resized, err := line.resized(quantity)
		if err != nil {
			return nil, &InvalidError{Pointer: "/lines", Detail: fmt.Sprintf("%s: %v", line.LineID, err)}
		}
		if quantity > 0 {
			lines = append(lines, resized)
		}
	}
	switch {
	case len(lines) == 0:
		return nil, &InvalidError{Pointer: "/lines", Detail: "nothing would be left: cancel the order instead"}
	case slices.Equal(lines, s.Lines):
		return nil, &InvalidError{Pointer: "/lines", Detail: "these are the quantities of the order already"}
	}
	return lines, nil
}

func (l Line) resized(quantity int64) (Line, error) {
	var errTax, errDiscount error
	l.Tax, errTax = scale(l.Tax, quantity, l.Quantity)
	l.Discount, errDiscount = scale(l.Discount, quantity, l.Quantity)
	l.Quantity = quantity
	if errTax != nil {
		return l, errTax
	}
	return l, errDiscount
}

// scale is amount * to / from, rounded down, computed in 128 bits. It wants amount >= 0, to >= 0 and from > 0.
func scale(amount, to, from int64) (int64, error) {
	hi, lo := bits.Mul64(uint64(amount), uint64(to))
	if hi >= uint64(from) {
		return 0, ErrOverflow
	}
	quotient, _ := bits.Div64(hi, lo, uint64(from))
	if quotient > math.MaxInt64 {
		return 0, ErrOverflow
	}
	return int64(quotient), nil
}

// amend gives the order other lines. Parcels that were planned are planned anew; a booking that may be under way for one
// of them is discarded by its key.
func (d *decision) amend(lines []Line, total int64) {
	for _, shipment := range d.state.Shipments {
		if shipment.Superseded {
			continue
		}
		if shipment.mayBeBooked(d.state) {
			d.emit(&ShipmentBookingFailed{
				ShipmentID: shipment.ShipmentID, Key: shipment.NextBookKey(), Carrier: shipment.Carrier,
				Class: ClassUnknown, Code: "amended", Message: "the order was amended",
			})
		}
		d.emit(&ShipmentCancelled{ShipmentID: shipment.ShipmentID})
	}
	d.emit(&OrderAmended{Lines: lines, Total: total, ReserveAgain: true})
}

// mayTakeBack says whether an amendment waits for its money.
func (s State) mayTakeBack() bool { return s.PaidFor != nil && len(s.Payment.Captures) > 0 }

// takeBack makes the order what was paid for.
func (d *decision) takeBack() { d.amend(d.state.PaidFor.Lines, d.state.PaidFor.Total) }

// concludeAmendment pays back what an amended order costs less than was taken.
func (d *decision) concludeAmendment() {
	s := d.state
	if s.Amended && s.paid() && (s.Status == Created || s.Status == Paid) && s.Due() < 0 {
		d.refund(RefundRequested{Amount: -s.Due(), Reason: "amendment", Amendment: true})
	}
}

// Due is what is still to be charged: the total less what was taken, but for what amendments gave back.
func (s State) Due() int64 {
	kept := s.Payment.Captured
	for _, refund := range s.Refunds {
		if refund.Amendment {
			kept -= refund.Amount
		}
	}
	return s.Total - kept
}

func (s *State) amend(e *OrderAmended) {
	if e.ReserveAgain {
		s.Amended = true
		if s.PaidFor == nil && (len(s.Payment.Captures) > 0 || s.mayBeAuthorized()) {
			s.PaidFor = &PaidFor{Lines: s.Lines, Total: s.Total}
		}
		s.Payment.Replacing = s.mayBeAuthorized() && (s.Payment.Replacing || e.Total != s.Total)
		s.reserveAgain()
	}
	s.Lines, s.Total = e.Lines, e.Total
	s.charge()
}

// reserveAgain leaves the goods to be reserved anew, once what is reserved, or may be, is released.
func (s *State) reserveAgain() {
	if s.Stock.State == StockIsReserved || s.Stock.State == StockNone && s.Fraud == "clear" {
		s.Stock.Superseded = append(s.Stock.Superseded, s.Stock.ReserveNo)
	}
	if s.Stock.State != StockNone || s.Fraud == "clear" {
		s.Stock.ReserveNo++
	}
	s.Stock.State, s.Stock.Allocations, s.Stock.Missing = StockNone, nil, nil
	s.Actions = slices.DeleteFunc(s.Actions, func(a Action) bool { return a.Kind == ActionShortage })
	s.Attention = slices.DeleteFunc(s.Attention, func(a Attention) bool {
		return a.Step != ScreenFraud && slices.Contains(forwardSteps, a.Step)
	})
	for i := range s.Shipments {
		shipment := &s.Shipments[i]
		shipment.Superseded = true
		shipment.Released = shipment.Released || shipment.Goods.Key == "" // goods of its own are released by themselves
		shipment.Goods.Spare = slices.DeleteFunc(slices.Clone(shipment.Goods.Spare), func(spare SpareGoods) bool { return spare.Key == "" })
	}
}

// charge follows an amended total with the payment, as soon as it is certain what was taken.
func (s *State) charge() {
	if !s.Amended || s.Payment.Replacing || len(s.Payment.Captures) == 0 || s.Status == Cancelling {
		return
	}
	payment := &s.Payment
	switch due := s.Due(); {
	case due > 0 && s.paid():
		payment.State, payment.Authorized, payment.Declines = PaymentNone, 0, 0
		payment.AuthorizeNo++
		payment.CaptureNo++
	case due <= 0:
		s.PaidFor = nil
		if payment.State == PaymentNone || payment.State == PaymentFailed {
			payment.State = payment.settled()
			s.Actions = slices.DeleteFunc(s.Actions, func(a Action) bool { return a.Kind == ActionPayment })
		}
	}
}

// settled is the state of a payment of which all that was asked for was taken.
func (p Payment) settled() string {
	switch p.Refunded {
	case 0:
		return PaymentCaptured
	case p.Captured:
		return PaymentRefunded
	default:
		return PaymentPartiallyRefunded
	}
}

// voided gives the authorisation up; one that an amendment replaces is followed by another one.
func (s *State) voided() {
	payment := &s.Payment
	payment.Authorized = 0
	replaced := payment.Replacing && s.Status != Cancelling
	payment.Replacing = false
	switch {
	case replaced:
		payment.State = PaymentNone
		payment.AuthorizeNo++
		payment.CaptureNo++
		if len(payment.Captures) == 0 {
			s.PaidFor = nil
		}
		s.charge()
	case len(payment.Captures) > 0:
		payment.State = payment.settled()
	default:
		payment.State = PaymentIsVoided
	}
}

// superseded says whether the key is that of releasing a reservation that an amendment replaces.
func (s State) superseded(releaseKey string) bool {
	return slices.ContainsFunc(s.Stock.Superseded, func(n int) bool { return s.releaseKey(n) == releaseKey })
}

func (s *State) dropSuperseded(releaseKey string) {
	s.Stock.Superseded = slices.DeleteFunc(s.Stock.Superseded, func(n int) bool { return s.releaseKey(n) == releaseKey })
}
