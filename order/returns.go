package order

import (
	"fmt"
	"slices"
	"time"
)

// A customer may send goods back that were delivered: the return is requested, approved or rejected, and received with the
// condition of each piece. What came back is refunded or replaced; what can be sold again goes into the stock. All of it is
// possible after the order was closed, too, which stays closed.

// ReturnStatus is how far a return is.
type ReturnStatus string

// The statuses of a return; the last two are final.
const (
	ReturnIsRequested ReturnStatus = "requested"
	ReturnIsApproved  ReturnStatus = "approved"
	ReturnIsReceived  ReturnStatus = "received"
	ReturnIsRejected  ReturnStatus = "rejected"
	ReturnIsClosed    ReturnStatus = "closed"
)

// What the customer wants for returned goods.
const (
	ResolveByRefund      = "refund"
	ResolveByReplacement = "replace"
)

// The conditions in which goods come back.
const (
	ConditionSellable = "sellable"
	ConditionDamaged  = "damaged"
	ConditionMissing  = "missing"
)

// Return is goods on their way back from a customer.
type Return struct {
	RMAID      string         `json:"rma_id"`
	Status     ReturnStatus   `json:"status"`
	Lines      []LineQuantity `json:"lines"`
	Reason     string         `json:"reason,omitempty"`
	Resolution string         `json:"resolution"`
	Since      time.Time      `json:"since"` // when it came to its status
	Received   []ReceivedLine `json:"received,omitempty"`
	Restocked  bool           `json:"restocked,omitempty"`
	// ReplacedBy is the parcel that is sent for what came back.
	ReplacedBy string `json:"replaced_by,omitempty"`
}

// ReceivedLine is what came back of a line, in one condition. Amount is what the customer had paid for it.
type ReceivedLine struct {
	LineID    string `json:"line_id"`
	Quantity  int64  `json:"quantity"`
	Condition string `json:"condition"`
	Amount    int64  `json:"amount,omitempty"`
}

// The events of a return.
type (
	// ReturnRequested: a customer wants to send goods back.
	ReturnRequested struct {
		RMAID      string         `json:"rma_id"`
		Lines      []LineQuantity `json:"lines"`
		Reason     string         `json:"reason"`
		Resolution string         `json:"resolution"`
	}
	// ReturnApproved: they may.
	ReturnApproved struct {
		RMAID string `json:"rma_id"`
	}
	// ReturnRejected: they may not.
	ReturnRejected struct {
		RMAID  string `json:"rma_id"`
		Reason string `json:"reason"`
	}
	// ReturnReceived: this is what came back.
	ReturnReceived struct {
		RMAID string         `json:"rma_id"`
		Lines []ReceivedLine `json:"lines"`
	}
	// ReplacementOrdered: these goods are sent instead, without a charge.
	ReplacementOrdered struct {
		RMAID      string         `json:"rma_id"`
		ShipmentID string         `json:"shipment_id"`
		Lines      []ShipmentLine `json:"lines"`
	}
	// ReturnClosed: nothing more is done about it.
	ReturnClosed struct {
		RMAID  string `json:"rma_id"`
		Reason string `json:"reason"`
	}
)

// The commands about returns.
type (
	// RequestReturn asks for goods to be taken back. Resolution is refund or replace.
	RequestReturn struct {
		Lines      []LineQuantity `json:"lines"`
		Resolution string         `json:"resolution"`
	}
	// ApproveReturn lets the customer send them.
	ApproveReturn struct {
		RMAID string `json:"rma_id"`
	}
	// RejectReturn does not.
	RejectReturn struct {
		RMAID string `json:"rma_id"`
	}
	// ReceiveReturn says what came back, and how: each line may be named once for each condition. Without lines, all that
	// was announced came, in order.
	ReceiveReturn struct {
		RMAID string         `json:"rma_id"`
		Lines []ReceivedLine `json:"lines"`
	}
)

//nolint:revive // names as they are
func (RequestReturn) CommandName() string { return "RequestReturn" }
func (ApproveReturn) CommandName() string { return "ApproveReturn" }
func (RejectReturn) CommandName() string  { return "RejectReturn" }
func (ReceiveReturn) CommandName() string { return "ReceiveReturn" }

// returning says whether a return is open.
func (s State) returning() bool { return slices.ContainsFunc(s.Returns, Return.open) }

func (r Return) open() bool { return r.Status != ReturnIsRejected && r.Status != ReturnIsClosed }

// Return is the return with this id.
func (s State) Return(id string) (Return, bool) {
	for _, each := range s.Returns {
		if each.RMAID == id {
			return each, true
		}
	}
	return Return{}, false
}

// returnable is how many pieces of a line the customer has and is not sending back.
func (s State) returnable(lineID string) int64 {
	var left int64
	for _, shipment := range s.Shipments {
		if shipment.Status == ShipmentIsDelivered {
			left += piecesOf(shipment.Lines, lineID)
		}
	}
	for _, each := range s.Returns {
		left -= each.pieces(lineID)
	}
	return left
}

func piecesOf(lines []ShipmentLine, lineID string) (pieces int64) {
	for _, line := range lines {
		if line.LineID == lineID {
			pieces += line.Quantity
		}
	}
	return pieces
}

// pieces is how much of a line the return takes from the customer: what was asked for, until it is known what came.
func (r Return) pieces(lineID string) (pieces int64) {
	switch r.Status {
	case ReturnIsRejected:
	case ReturnIsRequested, ReturnIsApproved:
		for _, line := range r.Lines {
			if line.LineID == lineID {
				pieces += line.Quantity
			}
		}
	default:
		for _, line := range r.Received {
			if line.LineID == lineID && line.Condition != ConditionMissing {
				pieces += line.Quantity
			}
		}
	}
	return pieces
}

func (s State) anythingReturnable() bool {
	return slices.ContainsFunc(s.Lines, func(l Line) bool { return s.returnable(l.LineID) > 0 })
}

// allCameBack says whether the customer has sent everything back that was delivered.
func (s State) allCameBack() bool {
	return s.returnIn(ReturnIsReceived, ReturnIsClosed) && !s.anythingReturnable()
}

func (s State) returnIn(statuses ...ReturnStatus) bool {
	return slices.ContainsFunc(s.Returns, func(r Return) bool { return slices.Contains(statuses, r.Status) })
}

func (d *decision) decideReturn() error {
	switch body := d.command.Body.(type) {
	case ApproveReturn:
		return d.onReturn(body.RMAID, ReturnIsRequested, func(r Return) error {
			d.emit(&ReturnApproved{RMAID: r.RMAID})
			return nil
		})
	case RejectReturn:
		return d.onReturn(body.RMAID, ReturnIsRequested, func(r Return) error {
			d.emit(&ReturnRejected{RMAID: r.RMAID, Reason: d.command.Reason})
			return nil
		})
	case ReceiveReturn:
		return d.onReturn(body.RMAID, ReturnIsApproved, func(r Return) error { return d.receiveReturn(r, body.Lines) })
	case RequestReturn:
		return d.requestReturn(body)
	}
	return nil
}

func (d *decision) requestReturn(body RequestReturn) error {
	if end := d.state.DeliveredAt.Add(d.policy.ReturnWithin); !d.state.DeliveredAt.IsZero() && d.command.At.After(end) {
		return d.notAllowed("goods could be returned until %s", end.Format(time.RFC3339))
	}
	if body.Resolution != ResolveByRefund && body.Resolution != ResolveByReplacement {
		return &InvalidError{Pointer: "/resolution", Detail: "refund or replace"}
	}
	if len(body.Lines) == 0 {
		return &InvalidError{Pointer: "/lines", Detail: "say what is to be returned"}
	}
	named := map[string]bool{}
	for i, line := range body.Lines {
		at := fmt.Sprintf("/lines/%d", i)
		left := d.state.returnable(line.LineID)
		switch {
		case !slices.ContainsFunc(d.state.Lines, func(l Line) bool { return l.LineID == line.LineID }):
			return &InvalidError{Pointer: at + "/line_id", Detail: "the order has no such line"}
		case named[line.LineID]:
			return &InvalidError{Pointer: at + "/line_id", Detail: "the line is named twice"}
		case line.Quantity < 1 || line.Quantity > left:
			return &InvalidError{Pointer: at + "/quantity", Detail: fmt.Sprintf("%d were delivered and are not on their way back", left)}
		}
		named[line.LineID] = true
	}
	d.emit(&ReturnRequested{
		RMAID: fmt.Sprintf("rma_%d", len(d.state.Returns)+1), Lines: body.Lines, Reason: d.command.Reason, Resolution: body.Resolution,
	})
	return nil
}

// onReturn does something about a return that is in a status.
func (d *decision) onReturn(id string, status ReturnStatus, do func(Return) error) error {
	found, ok := d.state.Return(id)
	if !ok {
		return &InvalidError{Pointer: "/rma_id", Detail: "the order has no such return"}
	}
	if found.Status != status {
		return d.notAllowed("%s is %s", id, found.Status)
	}
	return do(found)
}

func (d *decision) receiveReturn(of Return, lines []ReceivedLine) error {
	if len(lines) == 0 {
		for _, line := range of.Lines {
			lines = append(lines, ReceivedLine{LineID: line.LineID, Quantity: line.Quantity, Condition: ConditionSellable})
		}
	}
	sums := map[string]int64{}
	received := &ReturnReceived{RMAID: of.RMAID}
	for i, line := range lines {
		at := fmt.Sprintf("/lines/%d", i)
		if !slices.Contains([]string{ConditionSellable, ConditionDamaged, ConditionMissing}, line.Condition) {
			return &InvalidError{Pointer: at + "/condition", Detail: "sellable, damaged or missing"}
		}
		sums[line.LineID] += line.Quantity
		wanted := of.pieces(line.LineID)
		if wanted == 0 {
			return &InvalidError{Pointer: at + "/line_id", Detail: "the return has no such line"}
		}
		if line.Quantity < 1 || sums[line.LineID] > wanted {
			return &InvalidError{Pointer: at + "/quantity", Detail: fmt.Sprintf("%d are on their way back", wanted)}
		}
		line.Amount = 0
		if line.Condition != ConditionMissing {
			line.Amount = d.state.paidForPieces(line.LineID, line.Quantity, received.Lines)
		}
		received.Lines = append(received.Lines, line)
	}
	d.emit(received)
	d.settleReturn(of, received.Lines)
	return nil
}

// settleReturn refunds or replaces what came back.
func (d *decision) settleReturn(of Return, lines []ReceivedLine) {
	var amount int64
	var again []ShipmentLine
	for _, line := range lines {
		amount += line.Amount
		if line.Condition != ConditionMissing {
			again = append(again, ShipmentLine{LineID: line.LineID, SKU: d.state.SKU(line.LineID), Quantity: line.Quantity})
		}
	}
	switch {
	case len(again) == 0:
	case of.Resolution == ResolveByRefund:
		d.refund(RefundRequested{Amount: amount, Reason: "return " + of.RMAID, RMAID: of.RMAID})
	default:
		parcel := Shipment{ShipmentID: of.RMAID, Lines: again}
		id := ShipmentID(d.state.OrderID, len(d.state.Shipments)+1)
		d.emit(&ReplacementOrdered{RMAID: of.RMAID, ShipmentID: id, Lines: again})
		d.reship(parcel, "", "")
	}
}

// SKU is the article of a line.
func (s State) SKU(lineID string) string {
	for _, line := range s.Lines {
		if line.LineID == lineID {
			return line.SKU
		}
	}
	return ""
}

// paidForPieces is what the customer paid for pieces of a line that come back, without the shipping fee: the share of all
// pieces that were given back by then, less what was given back for them. So the refunds of a line add up to what was
// paid for it, to the minor unit, in whatever parts it comes back. Also are pieces of the same return.
func (s State) paidForPieces(lineID string, pieces int64, also []ReceivedLine) int64 {
	var line Line
	for _, each := range s.Lines {
		if each.LineID == lineID {
			line = each
		}
	}
	amount, _ := line.amount() // checked when the order was placed
	var before, paidBack int64
	add := func(lines []ReceivedLine) {
		for _, each := range lines {
			if each.LineID == lineID && each.Condition != ConditionMissing {
				before += each.Quantity
				paidBack += each.Amount
			}
		}
	}
	for _, each := range s.Returns {
		if slices.ContainsFunc(s.Refunds, func(r Refund) bool { return s.isFor(r, each) }) {
			add(each.Received)
		}
	}
	add(also)
	for _, shipment := range s.Shipments {
		if s.paidBackAsParcel(shipment) {
			first, here := s.quantities(lineID, shipment.ShipmentID)
			before += here
			paidBack += share(amount, first+here, line.Quantity) - share(amount, first, line.Quantity)
		}
	}
	return share(amount, min(before+pieces, line.Quantity), line.Quantity) - paidBack
}

// paidBackAsParcel says whether a parcel that was planned first was paid back as a whole, itself or what stood in for it.
func (s State) paidBackAsParcel(shipment Shipment) bool {
	return !shipment.Superseded && shipment.Replaces == "" && slices.ContainsFunc(s.Refunds, func(r Refund) bool {
		return s.origin(r.ShipmentID) == shipment.ShipmentID
	})
}

// amount is what the customer had paid for what came back.
func (r Return) amount() (amount int64) {
	for _, line := range r.Received {
		amount += line.Amount
	}
	return amount
}

// restockKey is the key of putting a return's goods into the stock again.
func (s State) restockKey(r Return) string { return s.OrderID + "/restock/" + r.RMAID }

// ReturnToRestock is the return that a RestockStock step with this key is about.
func (s State) ReturnToRestock(stepKey string) (Return, bool) {
	for _, each := range s.Returns {
		if s.restockKey(each) == stepKey {
			return each, true
		}
	}
	return Return{}, false
}

// WarehouseOf is from where a line was delivered.
func (s State) WarehouseOf(lineID string) string {
	for _, shipment := range s.Shipments {
		if shipment.Status == ShipmentIsDelivered && piecesOf(shipment.Lines, lineID) > 0 {
			return shipment.Warehouse
		}
	}
	return ""
}

// Sellable is what can be sold again of what came back.
func (r Return) Sellable() []ReceivedLine {
	var lines []ReceivedLine
	for _, line := range r.Received {
		if line.Condition == ConditionSellable {
			lines = append(lines, line)
		}
	}
	return lines
}

// returnSteps put what came back and can be sold into the stock again.
func (s State) returnSteps(p Policy) []Step {
	var steps []Step
	for _, each := range s.Returns {
		if each.Status == ReturnIsReceived && !each.Restocked && len(each.Sellable()) > 0 {
			steps = append(steps, s.step(p, RestockStock, s.restockKey(each), "stock", 0))
		}
	}
	return steps
}

// concludeReturns closes the returns about which nothing is left to be done.
func (d *decision) concludeReturns() {
	for _, each := range d.state.Returns {
		if each.Status == ReturnIsReceived && d.state.returnDone(each) {
			reason := map[string]string{ResolveByRefund: "refunded", ResolveByReplacement: "replaced"}[each.Resolution]
			switch parcel, replaced := d.state.Shipment(each.ReplacedBy); {
			case each.amount() == 0 && !replaced:
				reason = "nothing came back"
			case replaced && parcel.Status == ShipmentIsCancelled:
				reason = "refunded"
			}
			d.emit(&ReturnClosed{RMAID: each.RMAID, Reason: reason})
		}
	}
}

func (s State) returnDone(r Return) bool {
	pending := slices.ContainsFunc(s.Refunds, func(refund Refund) bool { return s.isFor(refund, r) && refund.Pending() })
	sent := false
	if parcel, replaced := s.Shipment(r.ReplacedBy); replaced {
		for again, ok := s.replacementOf(parcel.ShipmentID); ok; again, ok = s.replacementOf(again.ShipmentID) {
			parcel = again
		}
		sent = !parcel.gone() && (parcel.Status != ShipmentIsDelivered || !parcel.Committed)
	}
	return !pending && !sent && (r.Restocked || len(r.Sellable()) == 0)
}

// isFor says whether a refund pays for a return, or for the parcel that should have replaced it.
func (s State) isFor(refund Refund, r Return) bool {
	return refund.RMAID == r.RMAID || s.origin(refund.ShipmentID) == r.RMAID
}

// origin is the parcel, or the return, for which a parcel stands in.
func (s State) origin(shipmentID string) string {
	for shipment, ok := s.Shipment(shipmentID); ok && shipment.Replaces != ""; shipment, ok = s.Shipment(shipmentID) {
		shipmentID = shipment.Replaces
	}
	return shipmentID
}

// replacementOf is the parcel that stands in for another one.
func (s State) replacementOf(id string) (Shipment, bool) {
	for _, shipment := range s.Shipments {
		if id != "" && shipment.Replaces == id {
			return shipment, true
		}
	}
	return Shipment{}, false
}

// dues are what happens to a return by itself: one that nobody decides is approved, one that never comes is closed.
func (r Return) dues(p Policy) []due {
	switch r.Status {
	case ReturnIsRequested:
		return []due{{r.Since.Add(p.ReturnDecideWithin), r.RMAID + " is approved", func(d *decision) { d.emit(&ReturnApproved{RMAID: r.RMAID}) }}}
	case ReturnIsApproved:
		return []due{{r.Since.Add(p.ReturnArriveWithin), "the goods of " + r.RMAID, func(d *decision) {
			d.emit(&ReturnClosed{RMAID: r.RMAID, Reason: "nothing came back"})
		}}}
	default:
		return nil
	}
}

func (s *State) changeReturn(id string, change func(*Return)) {
	for i := range s.Returns {
		if s.Returns[i].RMAID == id {
			change(&s.Returns[i])
		}
	}
}

// evolveReturn handles the events of this file.
func (s *State) evolveReturn(event Event, at time.Time) {
	to := func(status ReturnStatus) func(*Return) {
		return func(r *Return) { r.Status, r.Since = status, at }
	}
	switch e := event.(type) {
	case *ReturnRequested:
		s.Returns = append(s.Returns, Return{
			RMAID: e.RMAID, Status: ReturnIsRequested, Lines: e.Lines, Reason: e.Reason, Resolution: e.Resolution, Since: at,
		})
	case *ReturnApproved:
		s.changeReturn(e.RMAID, to(ReturnIsApproved))
	case *ReturnRejected:
		s.changeReturn(e.RMAID, to(ReturnIsRejected))
	case *ReturnReceived:
		s.changeReturn(e.RMAID, func(r *Return) { r.Status, r.Since, r.Received = ReturnIsReceived, at, e.Lines })
	case *ReplacementOrdered:
		s.changeReturn(e.RMAID, func(r *Return) { r.ReplacedBy = e.ShipmentID })
	case *ReturnClosed:
		s.changeReturn(e.RMAID, to(ReturnIsClosed))
	}
}
