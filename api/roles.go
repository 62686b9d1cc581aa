package api

import (
	"fmt"
	"slices"

	"orderly/order"
)

// permission is a class of things that a key may do.
type permission string

const (
	mayRead    permission = "read"    // orders, their events, the work queue
	mayCommand permission = "command" // what a customer or a shop asks of an order
	mayOperate permission = "operate" // what repairs or judges an order, or gives money away: retry, waive, reroute, refund, fraud review
	mayAudit   permission = "audit"   // events as they are stored
	mayMonitor permission = "monitor" // the metrics
)

// rolePermissions is the whole table of roles. A role that is not in it may do nothing.
var rolePermissions = map[string][]permission{
	"admin":      {mayRead, mayCommand, mayOperate, mayAudit, mayMonitor},
	"operator":   {mayRead, mayCommand, mayOperate},
	"integrator": {mayRead, mayCommand},
	"viewer":     {mayRead},
	"monitor":    {mayMonitor},
}

// principal is who asks: a key, and whose it is.
type principal struct {
	keyID  string
	tenant string
	roles  []string
}

func (p *principal) may(what permission) bool {
	for _, role := range p.roles {
		if slices.Contains(rolePermissions[role], what) {
			return true
		}
	}
	return false
}

// actor is how the principal stands in the stream.
func (p *principal) actor() order.Actor {
	kind := "integrator"
	if p.may(mayOperate) {
		kind = "operator"
	}
	return order.Actor{Type: kind, ID: "key:" + p.keyID, Roles: p.roles}
}

func checkRoles(roles []string) error {
	if len(roles) == 0 {
		return fmt.Errorf("a key needs a role")
	}
	for _, role := range roles {
		if _, known := rolePermissions[role]; !known {
			return fmt.Errorf("there is no role %q", role)
		}
	}
	return nil
}
