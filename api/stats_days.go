package api

import (
	"context"
	"time"

	"orderly/readmodel"
)

// DayRange asks for days of UTC, both included.
type DayRange struct {
	From date `query:"from" required:"true" doc:"The first day, of UTC." example:"2026-01-01"`
	To   date `query:"to" required:"true" doc:"The last day, of UTC, at most 366 days after the first." example:"2026-01-31"`
}

func (r DayRange) read() (from, to time.Time, err error) {
	if from, err = r.From.read("from"); err != nil {
		return from, to, err
	}
	if to, err = r.To.read("to"); err != nil {
		return from, to, err
	}
	switch {
	case to.Before(from):
		err = invalid(Fault{"/to", "is before from"})
	case to.Sub(from) > longestRange:
		err = invalid(Fault{"/to", "is more than 366 days after from"})
	}
	return from, to, err
}

// SalesList is the daily sales of a range, by day, currency and channel.
type SalesList struct {
	Sales []DailySales `json:"sales"`
}

// DailySales is what happened on a day in a currency and a channel, in minor units.
type DailySales struct {
	Day      string `json:"day" example:"2026-01-31"`
	Currency string `json:"currency"`
	Channel  string `json:"channel" doc:"Empty for orders that named none."`
	Orders   int64  `json:"orders" doc:"Placed on the day."`
	Ordered  int64  `json:"ordered" doc:"What they come to, and by how much amendments of the day changed other orders."`
	Captured int64  `json:"captured" doc:"Taken from customers on the day."`
	Refunded int64  `json:"refunded" doc:"Given back on the day."`
}

type getSalesInput struct{ DayRange }

type salesOutput struct{ Body SalesList }

func (a *API) getSales(ctx context.Context, in *getSalesInput) (*salesOutput, error) {
	from, to, err := in.read()
	if err != nil {
		return nil, err
	}
	found, err := a.readModel.Sales(ctx, tenantOf(ctx), from, to)
	if err != nil {
		return nil, err
	}
	list := SalesList{Sales: make([]DailySales, len(found))}
	for i, s := range found {
		list.Sales[i] = DailySales{
			Day: s.Day.Format(time.DateOnly), Currency: s.Currency, Channel: s.Channel, Orders: s.Orders, Ordered: s.Ordered,
			Captured: s.Captured, Refunded: s.Refunded,
		}
	}
	return &salesOutput{list}, nil
}

// DeliveryList is how long parcels took, by carrier and leg.
type DeliveryList struct {
	Deliveries []Distribution `json:"deliveries"`
}

// Distribution is how long the parcels of a carrier took for a leg. A quantile is the bound of its bucket.
type Distribution struct {
	Carrier string   `json:"carrier"`
	Leg     string   `json:"leg" enum:"ship,deliver" doc:"ship: from the order to the carrier; deliver: from the carrier to the customer."`
	Parcels int64    `json:"parcels"`
	Mean    int64    `json:"mean_seconds"`
	P50     *int64   `json:"p50_seconds" doc:"Half of the parcels took no longer; null beyond the last bound."`
	P90     *int64   `json:"p90_seconds"`
	P99     *int64   `json:"p99_seconds"`
	Buckets []Bucket `json:"buckets" doc:"Those that are not empty, the shortest first."`
}

// Bucket is how many parcels took no longer than its bound, and longer than the bound before.
type Bucket struct {
	Within  *int64 `json:"within_seconds" doc:"Null for those that took longer than any bound."`
	Parcels int64  `json:"parcels"`
}

type getDeliveryInput struct {
	DayRange
	Carrier string `query:"carrier" maxLength:"100"`
}

type deliveryTimesOutput struct{ Body DeliveryList }

func (a *API) getDeliveryTimes(ctx context.Context, in *getDeliveryInput) (*deliveryTimesOutput, error) {
	from, to, err := in.read()
	if err != nil {
		return nil, err
	}
	found, err := a.readModel.DeliveryTimes(ctx, tenantOf(ctx), in.Carrier, from, to)
	if err != nil {
		return nil, err
	}
	list := DeliveryList{Deliveries: make([]Distribution, len(found))}
	for i, d := range found {
		list.Deliveries[i] = viewDistribution(d)
	}
	return &deliveryTimesOutput{list}, nil
}

func viewDistribution(d readmodel.Distribution) Distribution {
	view := Distribution{
		Carrier: d.Carrier, Leg: string(d.Leg), Parcels: d.Parcels, Mean: int64(d.Mean / time.Second),
		P50: boundSeconds(d.Quantile(0.5)), P90: boundSeconds(d.Quantile(0.9)), P99: boundSeconds(d.Quantile(0.99)),
	}
	for _, b := range d.Buckets {
		view.Buckets = append(view.Buckets, Bucket{Within: boundSeconds(b.Within), Parcels: b.Parcels})
	}
	return view
}

// boundSeconds is a bound in seconds; nil for none.
func boundSeconds(bound time.Duration) *int64 {
	if bound == 0 {
		return nil
	}
	seconds := int64(bound / time.Second)
	return &seconds
}
