package order_test

import "strings"

// bank is the payment provider in a world: it keeps to idempotency keys, and to what money allows.
type bank struct {
	auths    map[string]*charge // by the key of the authorisation
	captures map[string]*charge // by the key of the capture
	refunds  map[string]int64   // by key
}

// charge is an authorisation and what became of it.
type charge struct {
	amount, captured, refunded int64
	over                       bool // voided, or expired
}

func newBank() *bank {
	return &bank{auths: map[string]*charge{}, captures: map[string]*charge{}, refunds: map[string]int64{}}
}

// authorize sets an amount aside, the first one that is asked for under a key.
func (b *bank) authorize(key string, amount int64) int64 {
	if b.auths[key] == nil {
		b.auths[key] = &charge{amount: amount}
	}
	return b.auths[key].amount
}

// capture takes what is authorised; false when it cannot be taken.
func (b *bank) capture(key, authorizeKey string) (int64, bool) {
	charge := b.auths[authorizeKey]
	if charge == nil || charge.over {
		return 0, false
	}
	charge.captured = charge.amount
	b.captures[key] = charge
	return charge.amount, true
}

// void gives an authorisation up, or keeps it from coming; false when the money was taken.
func (b *bank) void(authorizeKey string) bool {
	if b.auths[authorizeKey] == nil {
		b.auths[authorizeKey] = &charge{}
	}
	if b.auths[authorizeKey].captured > 0 {
		return false
	}
	b.auths[authorizeKey].over = true
	return true
}

// refund gives a part of a capture back; false when there is not so much.
func (b *bank) refund(key, providerRef string, amount int64) bool {
	if _, done := b.refunds[key]; done {
		return true
	}
	charge := b.captures[strings.TrimPrefix(providerRef, capturePrefix)]
	if charge == nil || charge.captured-charge.refunded < amount {
		return false
	}
	charge.refunded += amount
	b.refunds[key] = amount
	return true
}

// capturePrefix makes the provider's name of a capture of its key.
const capturePrefix = "cap:"

// totals are all that was ever taken and given back.
func (b *bank) totals() (captured, refunded int64) {
	for _, charge := range b.auths {
		captured += charge.captured
		refunded += charge.refunded
	}
	return captured, refunded
}

// open are the keys of the authorisations that were neither captured nor given up.
func (b *bank) open() []string {
	var keys []string
	for key, charge := range b.auths {
		if !charge.over && charge.captured == 0 && charge.amount > 0 {
			keys = append(keys, key)
		}
	}
	return keys
}
