package order_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

// The rules are specified as: given these events, when this is wanted, then these events follow, or this refusal.

// start is when everything happened that is given.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	parcel1 = "shp_ord_1_1"
	parcel2 = "shp_ord_1_2"
)

// life is the events of an order so far.
type life []order.Event

// and is the life with more events.
func (l life) and(events ...order.Event) life { return append(slices.Clone(l), events...) }

// The stages of an order in which all goes well: two lines from two warehouses, so two parcels.
var (
	placed = life{&order.OrderCreated{
		Tenant: "acme", CustomerID: "cus_7", Currency: "USD", ShippingFee: 500, Total: 13500, Method: "card", Token: "tok_visa",
		Lines: []order.Line{
			{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 5000},
			{LineID: "l2", SKU: "SKU-2", Quantity: 1, UnitPrice: 3000},
		},
		ShipTo: order.ClearShipTo(order.Address{City: "Austin"}), Shipping: order.Shipping{Service: "standard", Carrier: "fedex"},
	}}
	screened = placed.and(&order.FraudScreened{Decision: "clear", Score: 3})
	reserved = screened.and(
		&order.StockReserved{Key: "ord_1/reserve/1", ReservationID: "res_1", Allocations: inTwoWarehouses},
		&order.ShipmentPlanned{ShipmentID: parcel1, Warehouse: "wh-1", Carrier: "fedex", Lines: []order.ShipmentLine{{LineID: "l1", SKU: "SKU-1", Quantity: 2}}},
		&order.ShipmentPlanned{ShipmentID: parcel2, Warehouse: "wh-2", Carrier: "fedex", Lines: []order.ShipmentLine{{LineID: "l2", SKU: "SKU-2", Quantity: 1}}},
	)
	authorized = reserved.and(&order.PaymentAuthorized{Key: "ord_1/auth/1", Amount: 13500, Currency: "USD", Method: "card", ProviderRef: "pay_1"})
	paid       = authorized.and(&order.PaymentReceived{Key: "ord_1/capture/1", Amount: 13500, Currency: "USD", Method: "card", ProviderRef: "pay_1"})
	booked1    = paid.and(&order.ShipmentBooked{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", TrackingNumber: "T1"})
	booked     = booked1.and(&order.ShipmentBooked{ShipmentID: parcel2, Key: parcel2 + "/book/1", Carrier: "fedex", TrackingNumber: "T2"})
	partly     = booked.and(dispatched(parcel1), &order.OrderPartiallyShipped{ShipmentIDs: []string{parcel1}})
	shipped    = partly.and(dispatched(parcel2), &order.OrderShipped{TrackingNumbers: []string{"T1", "T2"}})
	delivered  = shipped.and(arrived(parcel1), arrived(parcel2), &order.OrderDelivered{}).and(committed...)
	closed     = delivered.and(&order.OrderClosed{})

	cancelled  = placed.and(&order.CancellationRequested{Reason: "changed my mind"}, &order.OrderCancelled{})
	cancelling = booked.and(
		&order.CancellationRequested{Reason: "changed my mind"}, undoing(cancelParcel1, cancelParcel2, payBack, releaseGoods),
		&order.RefundRequested{RefundID: "rf_1", Amount: 13500, Reason: "cancellation"},
	)

	committed = life{
		&order.StockCommitted{Key: parcel1 + "/commit/1", ShipmentID: parcel1},
		&order.StockCommitted{Key: parcel2 + "/commit/1", ShipmentID: parcel2},
	}
	inTwoWarehouses = []order.Allocation{
		{LineID: "l1", SKU: "SKU-1", Quantity: 2, Warehouse: "wh-1"},
		{LineID: "l2", SKU: "SKU-2", Quantity: 1, Warehouse: "wh-2"},
	}
)

func dispatched(parcel string) order.Event {
	return &order.ShipmentDispatched{ShipmentID: parcel, CarrierScan: order.CarrierScan{EventID: "e-" + parcel, At: start}}
}

func arrived(parcel string) order.Event {
	return &order.ShipmentDelivered{ShipmentID: parcel, CarrierScan: order.CarrierScan{EventID: "a-" + parcel, At: start}}
}

// at is a moment so long after everything that is given.
func at(after time.Duration) *time.Time {
	moment := start.Add(after)
	return &moment
}

// stateOf folds a life; each event was caused by no command and happened at start.
func stateOf(given life) order.State {
	recorded := make([]order.Recorded, len(given))
	for i, event := range given {
		recorded[i] = order.Recorded{Version: i + 1, At: start, Event: event}
	}
	return order.Fold("ord_1", recorded)
}

// rule is one line of the specification.
type rule struct {
	given life
	// when is what is wanted, after is how long after what is given.
	when   order.Body
	after  time.Duration
	reason string
	then   life
	// refused is a part of the refusal's words; then nothing follows.
	refused string
}

func check(t *testing.T, rules map[string]rule) {
	t.Helper()
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := order.Command{ID: "cmd", At: start.Add(rule.after), Reason: rule.reason, Body: rule.when}
			got, err := order.Decide(stateOf(rule.given), command, testPolicy)
			if rule.refused != "" {
				if err == nil || !strings.Contains(err.Error(), rule.refused) || got != nil {
					t.Fatalf("got %s, %v; want a refusal with %q", told(got), err, rule.refused)
				}
				return
			}
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if diff := cmp.Diff([]order.Event(rule.then), got); diff != "" {
				t.Errorf("got %s; - want, + got:\n%s", told(got), diff)
			}
		})
	}
}

// told is the names of events.
func told(events []order.Event) string {
	var names []string
	for _, event := range events {
		names = append(names, event.EventType())
	}
	return "[" + strings.Join(names, " ") + "]"
}

// TestSpecification_StartsFromPossibleLives: each stage that is given is one to which the rules themselves lead.
func TestSpecification_StartsFromPossibleLives(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]struct {
		life   life
		status order.Status
	}{
		"placed": {placed, order.Created}, "screened": {screened, order.Created}, "reserved": {reserved, order.Created},
		"authorized": {authorized, order.Created}, "paid": {paid, order.Paid}, "booked": {booked, order.Paid},
		"partly": {partly, order.PartiallyShipped}, "shipped": {shipped, order.Shipped}, "delivered": {delivered, order.Delivered},
		"closed": {closed, order.Closed}, "cancelling": {cancelling, order.Cancelling}, "cancelled": {cancelled, order.Cancelled},
	} {
		if got := stateOf(stage.life).Status; got != stage.status {
			t.Errorf("%s has the status %s, want %s", name, got, stage.status)
		}
	}
}

// allRules is the whole specification.
var allRules = []map[string]rule{
	placingRules, customerRules, operatorRules, attentionRules, stepRules, bookingRules, undoRules, newsRules, deadlineRules, waiverRules, goodwillRules, reviewRules, amendRules, noticeRules, erasureRules,
}

// TestSpecification_NamesEveryCommand: a command that has no rule in the tables below has no specification.
func TestSpecification_NamesEveryCommand(t *testing.T) {
	t.Parallel()
	specified := map[string]bool{}
	for _, rules := range allRules {
		for _, rule := range rules {
			specified[rule.when.CommandName()] = true
		}
	}
	for _, body := range bodies {
		if !specified[body.CommandName()] {
			t.Errorf("%s is in no rule", body.CommandName())
		}
	}
}

// bodies is one of each kind of command.
var bodies = []order.Body{
	order.PlaceOrder{},
	order.CancelOrder{},
	order.HoldOrder{},
	order.ReleaseOrder{},
	order.ReviewFraud{},
	order.IssueRefund{},
	order.RespondToAction{},
	order.ProvidePaymentMethod{},
	order.ChangeAddress{},
	order.AmendOrder{},
	order.AddNote{},
	order.RetryStep{},
	order.SkipStep{},
	order.ResolveStep{},
	order.WaiveCompensation{},
	order.RerouteShipment{},
	order.RecordCarrierUpdate{},
	order.PassDeadline{},
	order.ReportStepFailure{},
	order.RecordScreening{},
	order.RecordReservation{},
	order.RecordAuthorization{},
	order.RecordDecline{},
	order.RecordCapture{},
	order.RecordExpiry{},
	order.RecordVoid{},
	order.RecordRefund{},
	order.RecordRelease{},
	order.RecordNotification{},
	order.RecordCommit{},
	order.RecordBooking{},
	order.RecordBookingCancelled{},
	order.RecordBookingDiscarded{},
	order.ErasePersonalData{},
}

// TestDecide_NeverTouchesTheState: the state that a decision was made on is as it was.
func TestDecide_NeverTouchesTheState(t *testing.T) {
	t.Parallel()
	for _, given := range []life{placed, reserved, paid, booked, partly, delivered, cancelling} {
		for _, body := range bodies {
			state := stateOf(given)
			_, _ = order.Decide(state, order.Command{ID: "cmd", At: start, Body: body}, testPolicy)
			if diff := cmp.Diff(stateOf(given), state); diff != "" {
				t.Errorf("%s changed the state:\n%s", body.CommandName(), diff)
			}
		}
	}
}

func TestDecide_TypedErrors(t *testing.T) {
	t.Parallel()
	nine := 9
	tests := map[string]struct {
		given   life
		command order.Command
		want    error
	}{
		"an order that was never placed": {nil, order.Command{ID: "c", Body: order.AddNote{}}, order.ErrNotFound},
		"an order that is there already": {placed, order.Command{ID: "c", Body: order.PlaceOrder{}}, order.ErrExists},
		"a version that is not the order's": {
			placed, order.Command{ID: "c", Expect: &nine, Body: order.AddNote{}}, &order.VersionMismatchError{Expected: 9, Current: 1},
		},
		"what the status does not admit": {
			shipped,
			order.Command{ID: "c", Body: order.CancelOrder{}},
			&order.NotAllowedError{Command: "CancelOrder", Status: order.Shipped, Version: len(shipped), Allowed: []string{"IssueRefund", "AddNote"}, Detail: "every shipment has left"},
		},
		"what is wrong in any status": {
			paid,
			order.Command{ID: "c", Body: order.RerouteShipment{ShipmentID: "shp_x", Carrier: "ups"}},
			&order.InvalidError{Pointer: "/shipment_id", Detail: "the order has no such shipment"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := order.Decide(stateOf(test.given), test.command, testPolicy)
			if !errors.Is(err, test.want) && !reflect.DeepEqual(err, test.want) {
				t.Errorf("got %#v, want %#v", err, test.want)
			}
			if events != nil {
				t.Errorf("got %s beside the error", told(events))
			}
		})
	}
}

func TestDecide_ACommandThatWasApplied_GivesNothing(t *testing.T) {
	t.Parallel()
	state := order.Fold("ord_1", []order.Recorded{{Version: 1, At: start, CommandID: "cmd", Event: placed[0]}})
	nine := 9
	for _, command := range []order.Command{
		{ID: "cmd", Body: order.PlaceOrder{}},
		{ID: "cmd", Body: order.CancelOrder{}},
		{ID: "cmd", Expect: &nine, Body: order.AddNote{}},
	} {
		if events, err := order.Decide(state, command, testPolicy); events != nil || err != nil {
			t.Errorf("%s again: got %s, %v, want nothing", command.Body.CommandName(), told(events), err)
		}
	}
}

// TestDecide_RefusesWhatAllowedDoesNotList: in whatever state the rules lead to, what an order shows as allowed is what it
// admits.
func TestDecide_RefusesWhatAllowedDoesNotList(t *testing.T) {
	t.Parallel()
	for _, rules := range allRules {
		for name, rule := range rules {
			state := stateOf(rule.given.and(rule.then...))
			for _, body := range bodies {
				command := body.CommandName()
				if !state.Exists() || !slices.Contains(order.CommandNames(), command) || command == "PlaceOrder" || command == "RecordCarrierUpdate" {
					continue
				}
				_, err := order.Decide(state, order.Command{ID: "c", At: start, Body: body}, testPolicy)
				refusal, refused := errors.AsType[*order.NotAllowedError](err)
				listed := slices.Contains(order.Allowed(state), command)
				if !listed && !refused {
					t.Errorf("%s: %s is not listed and not refused: %v", name, command, err)
				}
				if refused && !slices.Equal(refusal.Allowed, order.Allowed(state)) {
					t.Errorf("%s: the refusal of %s lists %v, the order %v", name, command, refusal.Allowed, order.Allowed(state))
				}
			}
		}
	}
}
