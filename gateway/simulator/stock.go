package simulator

import (
	"slices"
	"strings"

	"orderly/gateway"
)

const (
	mainWarehouse   = "wh-1"
	secondWarehouse = "wh-2"
)

// reservation is goods set aside; Left is what was neither released nor committed, line by line.
type reservation struct {
	Key     string              `json:"key"` // scoped
	ID      string              `json:"id"`
	OrderID string              `json:"order_id"`
	Left    []gateway.StockLine `json:"left"`
}

func reserve(st *state, a ask[gateway.ReserveRequest]) outcome {
	if st.blocked[a.scoped(a.Key)] {
		return keyBlocked()
	}

	if !validLines(a.Request.Lines) {
		return invalidLines()
	}

	var (
		missing, allocated []gateway.StockLine
		from               = oneWarehouse(a.Request)
	)

	for _, line := range a.Request.Lines {
		line.Warehouse = ""
		if outOfStock(line.SKU) || (a.Request.OneWarehouse && from == "") {
			missing = append(missing, line)

			continue
		}

		line.Warehouse = from
		if line.Warehouse == "" {
			line.Warehouse = warehouse(line.SKU)
		}

		allocated = append(allocated, line)
	}

	if len(missing) > 0 {
		return done(gateway.Reservation{Missing: missing}, nil)
	}

	now := &reservation{Key: a.scoped(a.Key), ID: a.id("rsv_"), OrderID: a.Request.OrderID, Left: allocated}

	return moved(a, "reserve", now, allocated, gateway.Reservation{ID: now.ID, Allocations: allocated})
}

func release(st *state, a ask[gateway.ReleaseRequest]) outcome {
	key := a.scoped(a.Request.ReserveKey)
	held, ok := st.reservations[key]

	switch {
	case a.Request.ReserveKey == "":
		return reject("invalid_request", "reserve_key is needed")
	case !ok:
		return done(struct{}{}, &effects{Block: key})
	case held.OrderID != a.Request.OrderID:
		return reject("unknown_reservation", "there is no such reservation of this order")
	case len(a.Request.Lines) > 0 && !validLines(a.Request.Lines):
		return invalidLines()
	}

	wanted := a.Request.Lines
	if len(wanted) == 0 {
		wanted = held.Left
	}

	// An undo gives back what is there: asking for more than that is no reason to keep the goods set aside.
	now, taken, _ := held.take(wanted)
	if len(taken) == 0 {
		return done(struct{}{}, nil)
	}

	return moved(a, "release", now, taken, struct{}{})
}

func commit(st *state, a ask[gateway.CommitRequest]) outcome {
	held, ok := st.reservations[a.scoped(a.Request.ReserveKey)]

	switch {
	case !ok || held.OrderID != a.Request.OrderID:
		return reject("unknown_reservation", "there is no such reservation of this order")
	case !validLines(a.Request.Lines):
		return invalidLines()
	}

	now, taken, short := held.take(a.Request.Lines)
	if short {
		return reject("more_than_reserved", "more than what is left of the reservation")
	}

	return moved(a, "commit", now, taken, struct{}{})
}

func restock(_ *state, a ask[gateway.RestockRequest]) outcome {
	if !validLines(a.Request.Lines) {
		return invalidLines()
	}

	return done(struct{}{}, &effects{
		Ledger: "stock", Entry: stockEntry(a, "restock", a.Request.OrderID, a.Request.Lines),
	})
}

// take returns the reservation without the wanted lines, what was really taken, and whether that fell short.
func (r *reservation) take(wanted []gateway.StockLine) (*reservation, []gateway.StockLine, bool) {
	var (
		now   = *r
		taken []gateway.StockLine
		short bool
	)

	now.Left = slices.Clone(r.Left)

	for _, want := range wanted {
		open := want.Quantity

		for i := range now.Left {
			left := &now.Left[i]
			if left.LineID != want.LineID || (want.SKU != "" && left.SKU != want.SKU) ||
				(want.Warehouse != "" && left.Warehouse != want.Warehouse) {
				continue
			}

			part := *left
			part.Quantity = min(open, left.Quantity)

			if part.Quantity > 0 {
				taken = append(taken, part)
				left.Quantity -= part.Quantity
				open -= part.Quantity
			}
		}

		short = short || open > 0
	}

	now.Left = slices.DeleteFunc(now.Left, func(l gateway.StockLine) bool { return l.Quantity == 0 })

	return &now, taken, short
}

// moved is the outcome of an effect on a reservation.
func moved[R any](a ask[R], operation string, now *reservation, lines []gateway.StockLine, body any) outcome {
	return done(body, &effects{
		Reservation: now, Ledger: "stock", Entry: stockEntry(a, operation, now.OrderID, lines),
	})
}

func stockEntry[R any](a ask[R], operation, orderID string, lines []gateway.StockLine) *Entry {
	var quantity int64
	for _, line := range lines {
		quantity += line.Quantity
	}

	return &Entry{
		Key: a.Key, OrderID: orderID, Operation: operation, Amount: quantity, At: a.At, Lines: slices.Clone(lines),
	}
}

// oneWarehouse is the one from which a request wants all of its goods; empty when there is none, or when it does not matter.
// What is in stock is so in every warehouse, for those who ask for it there.
func oneWarehouse(r gateway.ReserveRequest) string {
	if !r.OneWarehouse {
		return ""
	}

	usual := warehouse(r.Lines[0].SKU)
	for _, each := range []string{usual, mainWarehouse, secondWarehouse} {
		if !slices.Contains(r.Exclude, each) && (r.Warehouse == "" || r.Warehouse == each) {
			return each
		}
	}

	return ""
}

func outOfStock(sku string) bool {
	return sku == "OUT-OF-STOCK" || strings.HasPrefix(sku, "OUT-OF-STOCK-")
}

func warehouse(sku string) string {
	if strings.HasPrefix(sku, "TWO-WAREHOUSES-") {
		return secondWarehouse
	}

	return mainWarehouse
}

func validLines(lines []gateway.StockLine) bool {
	return len(lines) > 0 && !slices.ContainsFunc(lines, func(l gateway.StockLine) bool { return l.Quantity < 1 })
}

func invalidLines() outcome {
	return reject("invalid_lines", "at least one line is needed, each with a positive quantity")
}
