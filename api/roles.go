package api

import (
	"fmt"
	"slices"

	"orderly/order"
)

// permission is a class of things that a caller may do.
type permission string

const (
	mayRead    permission = "read"    // orders, their events, the work queue, operations over many orders, how far read models are
	mayCommand permission = "command" // what a customer or a shop asks of an order: place, cancel, hold, amend, another address
	mayNote    permission = "note"    // remarks on an order
	mayOperate permission = "operate" // parked steps: retry, and resolve by hand
	maySkip    permission = "skip"    // leave a parked step out
	mayReview  permission = "review"  // judge an order that is held for fraud
	mayRefund  permission = "refund"  // give money away: goodwill refunds, waived compensation
	mayReroute permission = "reroute" // send a parcel with another carrier, or from another warehouse
	mayReceive permission = "receive" // take returned goods in
	mayBulk    permission = "bulk"    // operations over many orders
	mayAudit   permission = "audit"   // events as they are stored
	mayMonitor permission = "monitor" // the metrics
	mayRebuild permission = "rebuild" // read models: rebuild, pause and resume them, retry and skip parked events
	mayErase   permission = "erase"   // forget a customer's personal data
	mayDecode  permission = "decode"  // what Temporal keeps encrypted, of all tenants
	mayKeys    permission = "keys"    // make, rotate and revoke API keys
)

// permissions is all of them, in the order in which they are shown.
var permissions = []permission{
	mayRead, mayCommand, mayNote, mayOperate, maySkip, mayReview, mayRefund, mayReroute, mayReceive, mayBulk, mayAudit,
	mayMonitor, mayRebuild, mayErase, mayDecode, mayKeys,
}

// role is what a caller is, in the words of a shop.
type role string

const (
	integrator role = "integrator" // a shop's program: its own tenant's orders
	support    role = "support"    // talks to customers
	supervisor role = "supervisor" // decides what support may not
	warehouse  role = "warehouse"  // packs, sends, takes back
	finance    role = "finance"    // answers for the money
	auditor    role = "auditor"    // reads everything, changes nothing
	monitor    role = "monitor"    // a program that scrapes the metrics
	admin      role = "admin"      // all of it
)

// roles is all of them, in the order in which they are shown.
var roles = []role{integrator, support, supervisor, warehouse, finance, auditor, monitor, admin}

// mayDo is the whole table of who may do what. A role that is not in it may do nothing, and nobody may do anything to
// another tenant's orders.
var mayDo = map[role][]permission{
	integrator: {mayRead, mayCommand, mayNote},
	support:    {mayRead, mayCommand, mayNote, mayOperate},
	supervisor: {mayRead, mayCommand, mayNote, mayOperate, maySkip, mayReview, mayReroute, mayBulk},
	warehouse:  {mayRead, mayNote, mayReroute, mayReceive},
	finance:    {mayRead, mayNote, mayOperate, mayRefund},
	auditor:    {mayRead, mayAudit},
	monitor:    {mayMonitor},
	admin:      permissions,
}

// principal is who asks.
type principal struct {
	// id is "key:" and a key's id, or "user:" and a person's subject at the identity provider.
	id     string
	tenant string
	roles  []string
	// scopes, when there are some, are all that is left of what the roles allow.
	scopes []string
	// session is set for who is logged in with a browser.
	session *session
}

func (p *principal) may(what permission) bool {
	if len(p.scopes) > 0 && !slices.Contains(p.scopes, string(what)) {
		return false
	}
	return slices.ContainsFunc(p.roles, func(r string) bool { return slices.Contains(mayDo[role(r)], what) })
}

// granted is all that the principal may do.
func (p *principal) granted() []permission {
	return slices.DeleteFunc(slices.Clone(permissions), func(what permission) bool { return !p.may(what) })
}

// covers says whether the principal may do all that the other one may.
func (p *principal) covers(other *principal) bool {
	return !slices.ContainsFunc(other.granted(), func(what permission) bool { return !p.may(what) })
}

// actor is how the principal stands in the stream.
func (p *principal) actor() order.Actor {
	kind := "operator"
	if !slices.ContainsFunc(p.roles, func(r string) bool { return role(r) != integrator }) {
		kind = "integrator"
	}
	return order.Actor{Type: kind, ID: p.id, Roles: p.roles}
}

func checkRoles(given []string) error {
	if len(given) == 0 {
		return fmt.Errorf("a key needs a role")
	}
	for _, each := range given {
		if !slices.Contains(roles, role(each)) {
			return fmt.Errorf("there is no role %q", each)
		}
	}
	return nil
}

func checkScopes(given []string) error {
	for _, each := range given {
		if !slices.Contains(permissions, permission(each)) {
			return fmt.Errorf("there is no scope %q", each)
		}
	}
	return nil
}
