package readmodel_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"orderly/order"
	"orderly/readmodel"
)

// What the figures of a history must be, counted again by other means: amounts by what the events themselves say, totals of
// customers by what the orders are in the end, statuses by what the orders were.

// dayOf is the day of UTC.
func dayOf(t time.Time) time.Time {
	year, month, day := t.UTC().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func (h *history) of(tenant string) []told {
	return slices.DeleteFunc(slices.Clone(h.feed), func(each told) bool { return each.after.Tenant != tenant })
}

func countSales(feed []told, from, to time.Time) []readmodel.DailySales {
	type key struct {
		day               time.Time
		currency, channel string
	}
	found := map[key]readmodel.DailySales{}
	for _, each := range feed {
		of := key{dayOf(each.recorded.At), each.after.Currency, each.after.Channel}
		day, counts := found[of], true
		switch e := each.recorded.Event.(type) {
		case *order.OrderCreated:
			day.Orders++
			day.Ordered += e.Total
		case *order.OrderAmended:
			day.Ordered += e.Total - each.before.Total
			counts = e.Total != each.before.Total
		case *order.PaymentReceived:
			day.Captured += e.Amount
			counts = e.Amount != 0 // an order that costs nothing
		case *order.RefundIssued:
			day.Refunded += e.Amount
		default:
			counts = false
		}
		if counts && !of.day.Before(from) && !of.day.After(to) {
			day.Day, day.Currency, day.Channel = of.day, of.currency, of.channel
			found[of] = day
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b readmodel.DailySales) int {
		if c := a.Day.Compare(b.Day); c != 0 {
			return c
		}
		return strings.Compare(a.Currency+" "+a.Channel, b.Currency+" "+b.Channel)
	})
}

func (h *history) countCustomer(tenant, customer string) []readmodel.CustomerTotals {
	var totals []readmodel.CustomerTotals
	for _, currency := range slices.Sorted(slices.Values(historyCurrencies)) {
		total := readmodel.CustomerTotals{Currency: currency}
		for _, s := range h.states {
			if s.Tenant != tenant || s.CustomerID != customer || s.Currency != currency {
				continue
			}
			total.Orders++
			total.Ordered += s.Total
			total.Captured += s.Payment.Captured
			total.Refunded += s.Payment.Refunded
			if total.Orders == 1 || s.PlacedAt.Before(total.FirstPlacedAt) {
				total.FirstPlacedAt = s.PlacedAt
			}
			if s.PlacedAt.After(total.LastPlacedAt) {
				total.LastPlacedAt = s.PlacedAt
			}
		}
		if total.Orders > 0 {
			totals = append(totals, total)
		}
	}
	return totals
}

// journey is what one parcel took for a leg, counted on a day.
type journey struct {
	day     time.Time
	carrier string
	leg     readmodel.Leg
	took    time.Duration
}

// journeys lists the legs that parcels have done, by what their carriers said first.
func journeys(feed []told) []journey {
	handedOver, arrived := map[string]time.Time{}, map[string]bool{}
	var all []journey
	for _, each := range feed {
		add := func(shipmentID string, leg readmodel.Leg, took time.Duration) {
			shipment, _ := each.after.Shipment(shipmentID)
			all = append(all, journey{dayOf(each.recorded.At), shipment.Carrier, leg, max(took, 0)})
		}
		switch e := each.recorded.Event.(type) {
		case *order.ShipmentDispatched:
			if _, known := handedOver[e.ShipmentID]; !known {
				handedOver[e.ShipmentID] = e.At
				add(e.ShipmentID, readmodel.LegShip, e.At.Sub(each.after.PlacedAt))
			}
		case *order.ShipmentDelivered:
			left, known := handedOver[e.ShipmentID]
			if known && !arrived[e.ShipmentID] {
				add(e.ShipmentID, readmodel.LegDeliver, e.At.Sub(left))
			}
			arrived[e.ShipmentID] = true
		}
	}
	return all
}

// bucketsUpTo are the upper bounds of docs/auditors.md, in hours.
var bucketsUpTo = []float64{1. / 60, 1. / 6, 1, 3, 6, 12, 24, 48, 72, 96, 120, 168, 240, 336, 504, 720}

func countDeliveries(feed []told, carrier string, from, to time.Time) []readmodel.Distribution {
	var all []readmodel.Distribution
	done := journeys(feed)
	for _, by := range slices.Sorted(slices.Values(historyCarriers)) {
		for _, leg := range []readmodel.Leg{readmodel.LegShip, readmodel.LegDeliver} {
			var took []time.Duration
			for _, j := range done {
				if j.carrier == by && j.leg == leg && (carrier == "" || carrier == by) && !j.day.Before(from) && !j.day.After(to) {
					took = append(took, j.took)
				}
			}
			if len(took) > 0 {
				all = append(all, distribute(by, leg, took))
			}
		}
	}
	return all
}

func distribute(carrier string, leg readmodel.Leg, took []time.Duration) readmodel.Distribution {
	d := readmodel.Distribution{Carrier: carrier, Leg: leg, Parcels: int64(len(took))}
	seconds := 0
	for _, each := range took {
		seconds += int(math.Floor(each.Seconds()))
	}
	d.Mean = time.Duration(seconds/len(took)) * time.Second
	lower := -1.
	for _, upper := range append(slices.Clone(bucketsUpTo), math.Inf(1)) {
		bucket := readmodel.Bucket{Within: time.Duration(math.Round(upper*3600)) * time.Second}
		if math.IsInf(upper, 1) {
			bucket.Within = 0
		}
		for _, each := range took {
			if hours := each.Hours(); hours > lower && hours <= upper {
				bucket.Parcels++
			}
		}
		if bucket.Parcels > 0 {
			d.Buckets = append(d.Buckets, bucket)
		}
		lower = upper
	}
	return d
}

func countStatuses(feed []told, at time.Time) map[order.Status]int64 {
	lives := map[string][]statusAt{}
	for _, each := range feed {
		id := each.after.OrderID
		lives[id] = append(lives[id], statusAt{each.recorded.At, each.after.Status})
	}
	return countAt(lives, at)
}

func countIntervals(feed []told, from, to time.Time) []readmodel.StatusInterval {
	since := map[string]time.Time{}
	took := map[order.Status][]float64{}
	for _, each := range feed {
		at, id := each.recorded.At, each.after.OrderID
		if each.before.Status == each.after.Status {
			continue
		}
		if each.before.Status != "" && !at.Before(from) && at.Before(to) {
			took[each.before.Status] = append(took[each.before.Status], at.Sub(since[id]).Seconds())
		}
		since[id] = at
	}
	var intervals []readmodel.StatusInterval
	for _, status := range slices.Sorted(maps.Keys(took)) {
		seconds, sum := slices.Sorted(slices.Values(took[status])), 0.
		for _, each := range seconds {
			sum += each
		}
		intervals = append(intervals, readmodel.StatusInterval{
			Status: status, Orders: int64(len(seconds)), Mean: sum / float64(len(seconds)),
			P50: between(seconds, 0.5), P90: between(seconds, 0.9), P99: between(seconds, 0.99),
		})
	}
	return intervals
}

// between is a quantile, interpolated between the two nearest values.
func between(sorted []float64, share float64) float64 {
	place := share * float64(len(sorted)-1)
	low, high := sorted[int(math.Floor(place))], sorted[int(math.Ceil(place))]
	return low + (high-low)*(place-math.Floor(place))
}
