package readmodel

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Leg is a part of a parcel's way.
type Leg string

// The legs: from the order to the carrier, and from the carrier to the customer.
const (
	LegShip    Leg = "ship"
	LegDeliver Leg = "deliver"
)

// deliveryBounds are the upper bounds of the distribution; what takes longer has none.
var deliveryBounds = []time.Duration{
	time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, days(1), days(2), days(3), days(4),
	days(5), days(7), days(10), days(14), days(21), days(30),
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// boundOf is the bound that a time does not exceed; 0 when there is none.
func boundOf(took time.Duration) time.Duration {
	for _, bound := range deliveryBounds {
		if took <= bound {
			return bound
		}
	}
	return 0
}

// deliveryTimes is a row of delivery_times, or what is added to it.
type deliveryTimes struct {
	Tenant        string `json:"tenant"`
	Day           string `json:"day"`
	Carrier       string `json:"carrier"`
	Leg           Leg    `json:"leg"`
	WithinSeconds int64  `json:"within_seconds"`
	Parcels       int64  `json:"parcels"`
	Seconds       int64  `json:"seconds"`
}

// deliveryTally adds steps up, by rows without their sums.
type deliveryTally map[deliveryTimes]*deliveryTimes

// add counts the parcels that were handed over or arrived. A carrier whose clock is behind ours took no time.
func (t deliveryTally) add(step *figuresStep) {
	for i, parcel := range step.after.Parcels {
		var before parcelFigures
		if i < len(step.before.Parcels) {
			before = step.before.Parcels[i] // parcels are only ever added at the end
		}
		if before.DispatchedAt.IsZero() && !parcel.DispatchedAt.IsZero() {
			t.count(step, parcel.Carrier, LegShip, parcel.DispatchedAt.Sub(step.order.PlacedAt))
		}
		if before.DeliveredAt.IsZero() && !parcel.DeliveredAt.IsZero() && !parcel.DispatchedAt.IsZero() {
			t.count(step, parcel.Carrier, LegDeliver, parcel.DeliveredAt.Sub(parcel.DispatchedAt))
		}
	}
}

func (t deliveryTally) count(step *figuresStep, carrier string, leg Leg, took time.Duration) {
	took = max(took, 0)
	key := deliveryTimes{
		Tenant: step.order.Tenant, Day: step.at.UTC().Format(time.DateOnly), Carrier: carrier, Leg: leg,
		WithinSeconds: int64(boundOf(took) / time.Second),
	}
	row := t[key]
	if row == nil {
		row = new(deliveryTimes)
		*row = key
		t[key] = row
	}
	row.Parcels++
	row.Seconds += int64(took / time.Second)
}

func (t deliveryTally) rows() []deliveryTimes {
	rows := make([]deliveryTimes, 0, len(t))
	for _, row := range t {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b deliveryTimes) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Carrier, b.Carrier),
			cmp.Compare(a.Leg, b.Leg), cmp.Compare(a.WithinSeconds, b.WithinSeconds))
	})
	return rows
}

func queueDeliveryTimes(batch *pgx.Batch, steps []figuresStep) error {
	const query = `
		INSERT INTO delivery_times AS d (tenant, day, carrier, leg, within_seconds, parcels, seconds)
		SELECT unnest($1::text[]), unnest($2::text[])::date, unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]),
			unnest($6::bigint[]), unnest($7::bigint[])
		ON CONFLICT (tenant, day, carrier, leg, within_seconds) DO UPDATE SET
			parcels = d.parcels + excluded.parcels, seconds = d.seconds + excluded.seconds`
	tally := deliveryTally{}
	for i := range steps {
		tally.add(&steps[i])
	}
	return queueRows(batch, query, tally.rows())
}

// Distribution is how long the parcels of a carrier took for a leg.
type Distribution struct {
	Carrier string
	Leg     Leg
	Parcels int64
	Mean    time.Duration
	// Buckets are those that are not empty, the shortest first.
	Buckets []Bucket
}

// Bucket is how many parcels took no longer than Within, and longer than the bound before. Within is 0 for those that
// took longer than any bound.
type Bucket struct {
	Within  time.Duration
	Parcels int64
}

// Quantile is the bound that a share of the parcels, from 0 to 1, did not exceed; 0 when that has none.
func (d Distribution) Quantile(share float64) time.Duration {
	var seen int64
	for _, bucket := range d.Buckets {
		if seen += bucket.Parcels; float64(seen) >= share*float64(d.Parcels) {
			return bucket.Within
		}
	}
	return 0
}

// DeliveryTimes gives the distributions of a tenant's parcels, by carrier and leg, of those that came to the end of the leg from
// one day to another, both included. With a carrier, only its own.
func (m *ReadModel) DeliveryTimes(ctx context.Context, tenant, carrier string, from, to time.Time) ([]Distribution, error) {
	const query = `
		SELECT carrier, leg, within_seconds, sum(parcels)::bigint, sum(seconds)::bigint FROM delivery_times
		WHERE tenant = $1 AND ($2 = '' OR carrier = $2) AND day BETWEEN $3::date AND $4::date
		GROUP BY carrier, leg, within_seconds
		ORDER BY carrier, leg DESC, within_seconds = 0, within_seconds`
	if !allStorable(tenant, carrier) {
		return nil, nil
	}
	rows, err := m.pool.Query(ctx, query, tenant, carrier, from, to)
	if err != nil {
		return nil, fmt.Errorf("read the delivery times: %w", err)
	}
	var all []Distribution
	var row deliveryTimes
	var seconds int64 // of the distribution so far
	_, err = pgx.ForEachRow(rows, []any{&row.Carrier, &row.Leg, &row.WithinSeconds, &row.Parcels, &row.Seconds}, func() error {
		if n := len(all); n == 0 || all[n-1].Carrier != row.Carrier || all[n-1].Leg != row.Leg {
			all, seconds = append(all, Distribution{Carrier: row.Carrier, Leg: row.Leg}), 0
		}
		last := &all[len(all)-1]
		last.Parcels += row.Parcels
		seconds += row.Seconds
		last.Mean = time.Duration(seconds/last.Parcels) * time.Second
		last.Buckets = append(last.Buckets, Bucket{time.Duration(row.WithinSeconds) * time.Second, row.Parcels})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the delivery times: %w", err)
	}
	return all, nil
}
