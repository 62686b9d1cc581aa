package order

// permission is one row of the table of what may be asked of an order.
type permission struct {
	command  string
	statuses []Status
	// also must hold too; nil for no further condition.
	also func(State) bool
	// unless says why not, when the status is right and also does not hold.
	unless string
}

var (
	beforeDispatch = []Status{Created, Paid}
	afterDelivery  = []Status{PartiallyShipped, Shipped, Delivered, Closed}
	whileOpen      = []Status{Created, Paid, PartiallyShipped, Shipped, Delivered, Cancelling}
)

// permissions is the table: who may ask what, in which state. Decide refuses by it, and the API shows it as "allowed".
var permissions = []permission{
	{"CancelOrder", []Status{Created, Paid, PartiallyShipped, Shipped, Delivered, Closed}, State.cancelOpen, "every shipment has left"},
	{"HoldOrder", beforeDispatch, nil, ""},
	{"ReleaseOrder", whileOpen, func(s State) bool { return len(s.Holds) > 0 }, "the order is not held"},
	{"ReviewFraud", beforeDispatch, State.inReview, "the order is not held for a fraud review"},
	{"RespondToAction", append(whileOpen, Closed), func(s State) bool { return len(s.Actions) > 0 }, "the customer is not asked anything"},
	{"ProvidePaymentMethod", beforeDispatch, func(s State) bool {
		return s.Payment.State == PaymentFailed || s.Payment.State == PaymentNone && s.Fraud == ""
	}, "the payment is under way or done"},
	{"IssueRefund", []Status{Paid, PartiallyShipped, Shipped, Delivered}, func(s State) bool { return s.refundable() > 0 }, "nothing is left to be refunded"},
	{"ChangeAddress", append(beforeDispatch, afterDelivery...), State.addressOpen, "a parcel is being booked, or is booked or under way"},
	{"AmendOrder", beforeDispatch, State.amendOpen, "a parcel is booked or being booked, or nobody knows where the money is"},
	{"RetryStep", Statuses, State.needsAttention, "no step waits for attention"},
	{"SkipStep", Statuses, State.needsAttention, "no step waits for attention"},
	{"ResolveStep", Statuses, State.needsAttention, "no step waits for attention"},
	{"WaiveCompensation", append(whileOpen, Closed), State.needsAttention, "no step waits for attention"},
	{"RerouteShipment", []Status{Paid, PartiallyShipped, Shipped, Delivered, Closed}, State.rerouteOpen, "no parcel waits to be booked, and none has failed"},
	{"RequestReturn", afterDelivery, State.anythingReturnable, "nothing was delivered that is not on its way back"},
	{"ApproveReturn", afterDelivery, func(s State) bool { return s.returnIn(ReturnIsRequested) }, "no return waits for it"},
	{"RejectReturn", afterDelivery, func(s State) bool { return s.returnIn(ReturnIsRequested) }, "no return waits for it"},
	{"ReceiveReturn", afterDelivery, func(s State) bool { return s.returnIn(ReturnIsApproved) }, "no return is on its way"},
	{"AddNote", Statuses, nil, ""},
}

func (s State) needsAttention() bool { return len(s.Attention) > 0 }

// addressOpen says whether no label has the address on it yet, or the customer is asked for another one: of a parcel that stands
// in for one that has left, too.
func (s State) addressOpen() bool {
	if !s.paid() {
		return true
	}
	if s.Status == Shipped || s.Status == Delivered || s.Status == Closed {
		return s.asksForAddress()
	}
	for _, shipment := range s.Shipments {
		if shipment.Status != ShipmentHasFailed && shipment.Status != ShipmentIsCancelled && !s.asksForAddress() {
			return false
		}
	}
	return true
}

func (s State) asksForAddress() bool {
	_, asked := s.action(ActionAddress)
	return asked
}

func (s State) rerouteOpen() bool {
	for _, shipment := range s.Shipments {
		if shipment.reroutable() || shipment.unsettled(s) {
			return true
		}
	}
	return false
}

func (s Shipment) reroutable() bool {
	return (s.Status == ShipmentIsPlanned || s.Status == ShipmentHasFailed) && !s.Unwanted && !s.Goods.None
}

// Allowed lists the commands that the order admits now.
func Allowed(s State) []string {
	var allowed []string
	for _, row := range permissions {
		if row.refusal(s) == "" {
			allowed = append(allowed, row.command)
		}
	}
	return allowed
}

// refusal is empty when the order admits the command, and else says why not.
func (p permission) refusal(s State) string {
	for _, status := range p.statuses {
		if s.Status == status {
			if p.also == nil || p.also(s) {
				return ""
			}
			return p.unless
		}
	}
	return "the order is " + string(s.Status)
}

// attentionChoices are what an operator may do about a parked step.
var attentionChoices = map[StepName][]string{
	ScreenFraud:      {"retry", "skip", "cancel"},
	ReserveStock:     {"retry", "cancel"},
	AuthorizePayment: {"retry", "resolve", "cancel"},
	CapturePayment:   {"retry", "resolve", "cancel"},
	BookShipment:     {"retry", "reroute", "resolve", "cancel"},
	CommitStock:      {"retry", "resolve"},
	DiscardBooking:   {"retry", "resolve", "waive"},
	CancelShipment:   {"retry", "resolve", "waive"},
	VoidPayment:      {"retry", "resolve", "waive"},
	RefundPayment:    {"retry", "resolve", "waive"},
	ReleaseStock:     {"retry", "resolve", "waive"},
	AwaitPickup:      {"retry", "resolve", "cancel"},
	AwaitDelivery:    {"retry", "resolve"}, // of a parcel that has failed: failedParcelChoices
	RestockStock:     {"retry", "resolve"},
}
