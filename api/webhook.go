package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"orderly/internal/webhook"
	"orderly/orchestrator"
	"orderly/order"
	"orderly/readmodel"
)

const (
	// maxWebhook bounds the body of a webhook.
	maxWebhook = 64 << 10
	// scanTolerance is how far in the future a scan may lie: carriers' clocks are not ours.
	scanTolerance = 24 * time.Hour
)

// oldestScan is before any parcel of ours.
var oldestScan = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// CarrierUpdate is what a carrier says about a parcel.
type CarrierUpdate struct {
	EventID        string    `json:"event_id" pattern:"^[!-~]{1,200}$" doc:"Names the update: it has its effect once." example:"evt_1"`
	ShipmentID     string    `json:"shipment_id,omitempty" pattern:"^[!-~]{1,100}$" doc:"The parcel; or give its tracking_number." example:"shp_ord_123_1"`
	TrackingNumber string    `json:"tracking_number,omitempty" pattern:"^[ -~]{1,100}$"`
	Status         string    `json:"status" enum:"dispatched,out_for_delivery,delivered,attempt_failed,lost,damaged,return_to_sender,returned"`
	At             time.Time `json:"at" doc:"When it happened."`
	Location       string    `json:"location,omitempty" maxLength:"200"`
	Proof          string    `json:"proof,omitempty" maxLength:"500" doc:"Of the delivery."`
}

// Stored says that an update is kept.
type Stored struct {
	Status string `json:"status" enum:"stored"`
}

type carrierInput struct {
	WebhookID        string `header:"webhook-id" doc:"Standard Webhooks: the message's id."`
	WebhookTimestamp string `header:"webhook-timestamp" doc:"Standard Webhooks: seconds since 1970."`
	WebhookSignature string `header:"webhook-signature" doc:"Standard Webhooks: v1, and the HMAC-SHA256."`
	Body             CarrierUpdate
}

type storedOutput struct{ Body Stored }

// signature is how the webhooks of a sender are signed.
type signature struct {
	secret string
	how    string
	verify func(header http.Header, body []byte) error
}

func (a *API) carrierSignature() signature {
	secret := a.options.WebhookSecret
	return signature{secret, "Sign webhook-id, webhook-timestamp and the body as Standard Webhooks says.", func(header http.Header, body []byte) error {
		return webhook.Verify(secret, header, body, time.Now())
	}}
}

// signed refuses webhooks that are not signed with the secret, before their content is looked at.
func (a *API) signed(by signature) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(ctx)
		body, problem := a.readBody(c, maxWebhook)
		if problem != nil {
			abort(c, problem)
			return
		}
		if by.secret == "" {
			abort(c, newProblem(codeSignature, "No webhooks are taken here."))
			return
		}
		if err := by.verify(c.Request.Header, body); err != nil {
			abort(c, newProblem(codeSignature, by.how).because(err))
			return
		}
		if problem := checkBody(c.Request.Header, body); problem != nil {
			abort(c, problem)
			return
		}
		c.Request.Body = io.NopCloser(bytes.NewReader(body))
		next(ctx)
	}
}

// recordCarrierUpdate hands a carrier's update to the order. Whatever is not stored is answered with an error, so
// that the carrier sends it again.
func (a *API) recordCarrierUpdate(ctx context.Context, in *carrierInput) (*storedOutput, error) {
	update := in.Body
	if faults := update.check(time.Now()); len(faults) > 0 {
		return nil, invalid(faults...)
	}
	state, shipment, err := a.findShipment(ctx, update)
	if err != nil {
		return nil, err
	}
	command := order.Command{
		ID: "carrier/" + update.EventID, Actor: order.Actor{Type: "carrier", ID: shipment.Carrier}, Source: "webhook",
		Body: order.RecordCarrierUpdate{
			EventID: update.EventID, ShipmentID: shipment.ShipmentID, Status: update.Status,
			At: update.At.UTC().Truncate(time.Microsecond), Location: update.Location, Proof: update.Proof,
		},
	}
	_, known, err := a.journal.Applied(ctx, state, command.ID)
	if err != nil {
		return nil, err
	}
	// The workflow of an open order is told even of what is stored: it has not heard of it when it was lost, with all that it had
	// in hand, between the commit and the end of its task.
	if known && state.Ended() {
		return &storedOutput{Stored{"stored"}}, nil
	}
	if known {
		_, err = a.commands.Send(ctx, state.OrderID, command)
	} else { // those that come too early are refused, and taken when the carrier tells them again
		_, err = a.commands.SendSeen(ctx, state.OrderID, state.Version, command)
	}
	if errors.Is(err, orchestrator.ErrPending) {
		return nil, &orchestrator.UnavailableError{Err: err}
	}
	if err != nil {
		return nil, err
	}
	return &storedOutput{Stored{"stored"}}, nil
}

func (u CarrierUpdate) check(now time.Time) []Fault {
	var faults []Fault
	if u.ShipmentID == "" && u.TrackingNumber == "" {
		faults = append(faults, Fault{"/shipment_id", "give the shipment_id or the tracking_number"})
	}
	if u.At.Before(oldestScan) || u.At.After(now.Add(scanTolerance)) {
		faults = append(faults, Fault{"/at", "is no time at which a parcel of ours can have been seen"})
	}
	return faults
}

// findShipment finds the parcel in the stream of its order, whose id is part of the shipment's.
func (a *API) findShipment(ctx context.Context, update CarrierUpdate) (order.State, order.Shipment, error) {
	orderID, ok := order.OrderOfShipment(update.ShipmentID)
	if update.ShipmentID == "" {
		var err error
		orderID, err = a.readModel.OrderByTracking(ctx, update.TrackingNumber)
		if errors.Is(err, readmodel.ErrAmbiguousTracking) {
			err = invalid(Fault{"/tracking_number", "is that of several parcels: give the shipment_id"})
		}
		if err != nil {
			return order.State{}, order.Shipment{}, err
		}
		ok = true
	}
	if !ok || !isOrderID(orderID) {
		return order.State{}, order.Shipment{}, order.ErrNotFound
	}
	state, err := a.journal.Load(ctx, orderID)
	if err != nil {
		return order.State{}, order.Shipment{}, err
	}
	for _, shipment := range state.Shipments {
		if shipment.ShipmentID == update.ShipmentID || update.ShipmentID == "" && shipment.TrackingNumber == update.TrackingNumber {
			return state, shipment, nil
		}
	}
	return order.State{}, order.Shipment{}, order.ErrNotFound
}
