package simulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	servicePayments = "payments"
	serviceStock    = "stock"
	serviceCarrier  = "carrier"
	serviceFraud    = "fraud"
	serviceNotify   = "notifications"

	operationLookup = "lookup"

	modeUnavailable   = "unavailable"
	modeReject        = "reject"
	modeSlow          = "slow"
	modeTimeoutBefore = "timeout_before"
	modeTimeoutAfter  = "timeout_after"
	modeGarbage       = "garbage"
	modeRateLimit     = "rate_limit"

	slowFaultExtra = 2 * time.Second
	maxHold        = time.Minute
)

// Fault makes a service misbehave. Modes: unavailable (503), rate_limit (429), reject and timeout_before have no
// effect; slow, timeout_after and garbage spoil the answer to an effect that did happen.
type Fault struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	// Carrier limits a fault of the carriers to one of them.
	Carrier string `json:"carrier,omitempty"`
	// Operation limits the fault to one; none means all but lookup.
	Operation string `json:"operation,omitempty"`
	Mode      string `json:"mode"`
	// Rate is the share of requests that are hit, 0 to 1.
	Rate float64 `json:"rate"`
	// Times counts down with each hit, and at 0 the fault goes away; nil means no limit.
	Times *int `json:"times,omitempty"`
	// Until is when the fault goes away by itself.
	Until *time.Time `json:"until,omitempty"`
}

// operations lists what each service can be asked.
func operations(service string) []string {
	switch service {
	case servicePayments:
		return []string{"authorize", "capture", "void", "refund", operationLookup}
	case serviceStock:
		return []string{"reserve", "release", "commit", "restock", operationLookup}
	case serviceCarrier:
		return []string{"book", "cancel", operationLookup}
	case serviceFraud:
		return []string{"screen"}
	case serviceNotify:
		return []string{"send"}
	default:
		return nil
	}
}

func modes() []string {
	return []string{
		modeUnavailable, modeReject, modeSlow, modeTimeoutBefore, modeTimeoutAfter, modeGarbage, modeRateLimit,
	}
}

func (f *Fault) validate() error {
	known := operations(f.Service)

	switch {
	case known == nil:
		return fmt.Errorf("service %q is not payments, stock, carrier, fraud or notifications", f.Service)
	case f.Carrier != "" && f.Service != serviceCarrier:
		return fmt.Errorf("service %s has no carriers", f.Service)
	case f.Carrier != "" && !slices.Contains(carriers(), f.Carrier):
		return fmt.Errorf("carrier %q is not one of %v", f.Carrier, carriers())
	case f.Operation != "" && !slices.Contains(known, f.Operation):
		return fmt.Errorf("operation %q of %s is not one of %v", f.Operation, f.Service, known)
	case !slices.Contains(modes(), f.Mode):
		return fmt.Errorf("mode %q is not one of %v", f.Mode, modes())
	case f.Rate < 0 || f.Rate > 1:
		return fmt.Errorf("rate %v is not between 0 and 1", f.Rate)
	case f.Times != nil && *f.Times < 1:
		return fmt.Errorf("times %d is not positive", *f.Times)
	default:
		return nil
	}
}

func (f *Fault) matches(service, carrier, operation string) bool {
	if f.Service != service || (f.Carrier != "" && f.Carrier != carrier) {
		return false
	}

	if f.Operation == "" {
		return operation != operationLookup
	}

	return f.Operation == operation
}

// faultSet holds the faults that are on, oldest first. They are meant for the moment and not kept on disk.
type faultSet struct {
	mu     sync.Mutex
	faults []Fault
	lastID int
}

func (fs *faultSet) add(f Fault) Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()

	fs.lastID++
	f.ID = "fault_" + strconv.Itoa(fs.lastID)
	fs.faults = append(fs.faults, f)

	return f.clone()
}

// pick returns the mode of the first fault that hits this request, or "". A hit is counted.
func (fs *faultSet) pick(service, carrier, operation string, now time.Time) string {
	fs.mu.Lock()
	defer fs.mu.Unlock()

	fs.expire(now)

	for i := range fs.faults {
		f := &fs.faults[i]
		if !f.matches(service, carrier, operation) || rand.Float64() >= f.Rate {
			continue
		}

		mode := f.Mode

		if f.Times != nil {
			if *f.Times--; *f.Times == 0 {
				fs.faults = slices.Delete(fs.faults, i, i+1)
			}
		}

		return mode
	}

	return ""
}

// list returns copies, never nil.
func (fs *faultSet) list(now time.Time) []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()

	fs.expire(now)

	all := make([]Fault, 0, len(fs.faults))
	for _, f := range fs.faults {
		all = append(all, f.clone())
	}

	return all
}

func (fs *faultSet) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()

	fs.faults = nil
}

func (fs *faultSet) remove(id string) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()

	before := len(fs.faults)
	fs.faults = slices.DeleteFunc(fs.faults, func(f Fault) bool { return f.ID == id })

	return len(fs.faults) < before
}

func (fs *faultSet) expire(now time.Time) {
	fs.faults = slices.DeleteFunc(fs.faults, func(f Fault) bool { return f.Until != nil && !now.Before(*f.Until) })
}

func (f *Fault) clone() Fault {
	c := *f
	if f.Times != nil {
		times := *f.Times
		c.Times = &times
	}

	return c
}
