package gateway

import (
	"context"
	"net/url"
)

// Reserve implements [Stock].
func (h *HTTP) Reserve(ctx context.Context, r ReserveRequest) (Reservation, error) {
	var result Reservation

	err := h.post(ctx, call{path: "/stock/reserve", key: r.Key, body: r, answer: &result, valid: result.complete})
	if err != nil {
		return Reservation{}, err
	}

	return result, nil
}

// Release implements [Stock].
func (h *HTTP) Release(ctx context.Context, r ReleaseRequest) error {
	return h.post(ctx, call{path: "/stock/release", key: r.Key, body: r})
}

// Commit implements [Stock].
func (h *HTTP) Commit(ctx context.Context, r CommitRequest) error {
	return h.post(ctx, call{path: "/stock/commit", key: r.Key, body: r})
}

// Restock implements [Stock].
func (h *HTTP) Restock(ctx context.Context, r RestockRequest) error {
	return h.post(ctx, call{path: "/stock/restock", key: r.Key, body: r})
}

// LookupReservation implements [Stock].
func (h *HTTP) LookupReservation(ctx context.Context, key string) (Reservation, bool, error) {
	var result Reservation

	ok, err := h.lookup(ctx, call{
		path: "/stock/lookup?key=" + url.QueryEscape(key), answer: &result, valid: result.complete,
	})
	if err != nil || !ok {
		return Reservation{}, false, err
	}

	return result, true, nil
}

// complete reports whether r says either what was reserved or what is missing.
func (r *Reservation) complete() bool {
	return (r.ID != "" && len(r.Allocations) > 0) != (len(r.Missing) > 0)
}
