package order

import "slices"

// The goods of an order are reserved at once, and planned into a parcel for each warehouse. A parcel gets a reservation of its
// own when it is to leave from another warehouse, or when it stands in for one that never arrived. It is made before
// what is set aside elsewhere is given back: a parcel that cannot move keeps what it has.

// Goods say where a parcel's goods are set aside when they have a reservation of their own.
type Goods struct {
	// Wish is the reservation that is to be made.
	Wish *GoodsWish `json:"wish,omitempty"`
	// No counts the reservations that were wished for; the key of each ends with it.
	No int `json:"no,omitempty"`
	// Key is that of the reservation that holds the goods; empty while they are part of the order's reservation.
	Key string `json:"key,omitempty"`
	// None is true while nothing is set aside: the parcel stands in for another one and has no reservation yet.
	None bool `json:"none,omitempty"`
	// Moved is true once what was set aside of the order's reservation was given back, for it is needed there no more.
	Moved bool `json:"moved,omitempty"`
	// Left are the warehouses where every carrier has refused the parcel.
	Left []string `json:"left,omitempty"`
	// Spare are reservations that nobody needs, or may be: they are to be given back.
	Spare []SpareGoods `json:"spare,omitempty"`
}

// GoodsWish is from where a parcel is to leave: Warehouse, or any but those of Exclude.
type GoodsWish struct {
	Warehouse string   `json:"warehouse,omitempty"`
	Exclude   []string `json:"exclude,omitempty"`
}

// SpareGoods are set aside in vain. Key is that of the reservation; empty for the order's, of which the parcel's lines in
// Warehouse are given back.
type SpareGoods struct {
	Key       string `json:"key,omitempty"`
	Warehouse string `json:"warehouse,omitempty"`
}

// releaseSuffix makes the key of giving a parcel's own reservation back of the key of the reservation.
const releaseSuffix = "/release"

// wishKey is the key of the reservation that is to be made.
func (s Shipment) wishKey() string { return numbered(s.ShipmentID, "reserve", s.Goods.No) }

// releaseKey is the key of giving the goods back that the parcel has.
func (s Shipment) releaseKey() string { return s.releaseKeyOf(s.Goods.Key) }

func (s Shipment) releaseKeyOf(reservation string) string {
	if reservation == "" {
		return numbered(s.ShipmentID, "release", 1)
	}
	return reservation + releaseSuffix
}

// ReservationToRelease says of what a ReleaseStock step of the parcel with this key gives something back: of which
// reservation, and of which warehouse; no warehouse for all that is left of it.
func (s State) ReservationToRelease(shipment Shipment, stepKey string) (reservation, warehouse string) {
	for _, spare := range shipment.Goods.Spare {
		if shipment.releaseKeyOf(spare.Key) == stepKey && spare.Key != "" {
			return spare.Key, ""
		}
		if shipment.releaseKeyOf(spare.Key) == stepKey {
			return s.ReserveKey(), spare.Warehouse
		}
	}
	if shipment.Goods.Key != "" {
		return shipment.Goods.Key, ""
	}
	return s.ReserveKey(), shipment.Warehouse
}

// ReservationOfGoods is the reservation that holds a parcel's goods.
func (s State) ReservationOfGoods(shipment Shipment) string {
	if shipment.Goods.Key != "" {
		return shipment.Goods.Key
	}
	return s.ReserveKey()
}

// wish asks for a reservation of the parcel's own. One that was asked for before may still happen.
func (s *Shipment) wish(wish GoodsWish) {
	s.withdrawWish()
	s.Goods.Wish = &wish
	s.Goods.No++
}

func (s *Shipment) withdrawWish() {
	if s.Goods.Wish != nil {
		s.Goods.Spare = append(s.Goods.Spare, SpareGoods{Key: s.wishKey()})
		s.Goods.Wish = nil
	}
}

// reserved takes the goods of a new reservation for those that the parcel had.
func (s *Shipment) reserved(e *StockReserved) {
	if !s.Goods.None {
		s.Goods.Spare = append(s.Goods.Spare, SpareGoods{Key: s.Goods.Key, Warehouse: s.Warehouse})
	}
	s.Goods.Key, s.Goods.Wish, s.Goods.None = e.Key, nil, false
	s.Warehouse = e.Allocations[0].Warehouse
}

// orderGoodsGone says whether nothing of the order's reservation is set aside for the parcel any more.
func (s Shipment) orderGoodsGone() bool {
	switch {
	case s.Replaces != "", s.Goods.Moved:
		return true
	case s.Goods.Key != "":
		return false
	default:
		return s.Committed || s.Released
	}
}

// released notes what was given back.
func (s *Shipment) releasedUnder(key string) {
	spare := slices.IndexFunc(s.Goods.Spare, func(g SpareGoods) bool { return s.releaseKeyOf(g.Key) == key })
	if spare < 0 {
		s.Released = true
		return
	}
	s.Goods.Moved = s.Goods.Moved || s.Goods.Spare[spare].Key == ""
	s.Goods.Spare = slices.Delete(s.Goods.Spare, spare, spare+1)
}

// isSpare says whether the key is that of giving back goods that nobody needs.
func (s Shipment) isSpare(releaseKey string) bool {
	return slices.ContainsFunc(s.Goods.Spare, func(g SpareGoods) bool { return s.releaseKeyOf(g.Key) == releaseKey })
}

// parcelReleases are the steps that give back what is set aside for parcels in vain.
func (s State) parcelReleases(p Policy) []Step {
	var steps []Step
	for _, shipment := range s.Shipments {
		for _, spare := range shipment.Goods.Spare {
			if spare.Key != "" || s.Status != Cancelling { // the order's is released as a whole then
				steps = append(steps, s.parcelRelease(p, shipment, shipment.releaseKeyOf(spare.Key)))
			}
		}
		held := shipment.Goods.Key != "" || s.Stock.State == StockIsReserved && s.Status != Cancelling
		if shipment.Status == ShipmentIsCancelled && !shipment.Released && !shipment.Goods.None && held {
			steps = append(steps, s.parcelRelease(p, shipment, shipment.releaseKey()))
		}
	}
	return s.withoutWaived(steps)
}

func (s State) parcelRelease(p Policy, shipment Shipment, key string) Step {
	step := s.step(p, ReleaseStock, key, "stock", p.UndoWithin)
	step.ShipmentID = shipment.ShipmentID
	return step
}

func (s State) reserveGoodsStep(p Policy, shipment Shipment) Step {
	step := s.step(p, ReserveStock, shipment.wishKey(), "shipment/"+shipment.ShipmentID, p.ReserveWithin)
	step.ShipmentID = shipment.ShipmentID
	return step
}

// goodsReserved takes the stock's answer to a parcel's wish. Without goods elsewhere, a parcel that has some waits for an
// operator with these, and one that stands in for another waits for goods.
func (d *decision) goodsReserved(body RecordReservation) {
	shipment, ok := d.state.Shipment(body.ShipmentID)
	if !ok || shipment.Goods.Wish == nil || body.Key != shipment.wishKey() {
		return
	}
	if len(body.Missing) == 0 {
		d.emit(&StockReserved{Key: body.Key, ShipmentID: body.ShipmentID, ReservationID: body.ReservationID, Allocations: body.Allocations})
		return
	}
	d.emit(&StockShortageDetected{Key: body.Key, ShipmentID: body.ShipmentID, Missing: body.Missing})
	why := parking{step: BookShipment, shipmentID: body.ShipmentID, key: shipment.NextBookKey(), code: "shortage", message: "no warehouse has these goods", attempts: 1}
	switch {
	case shipment.Goods.None:
		why.step, why.key = ReserveStock, body.Key
	case shipment.Goods.Wish.Warehouse == "":
		why.message = "no carrier takes it here, and no other warehouse has these goods"
	default:
		why.message = shipment.Goods.Wish.Warehouse + " does not have these goods"
	}
	d.park(why)
}

// shortOf ends a wish that cannot be had.
func (s *Shipment) shortOf() {
	s.Goods.Wish = nil
	if !s.Goods.None {
		s.Status = ShipmentHasFailed
	}
}
