package webhooks

import (
	"math/rand/v2"
	"time"
)

// Policy is how webhooks are delivered.
type Policy struct {
	// Timeout bounds an attempt.
	Timeout time.Duration `env:"TIMEOUT" envDefault:"15s"`
	// RetryFirst is the pause after the first attempt that failed; each pause is three times the one before, up to RetryMax.
	RetryFirst time.Duration `env:"RETRY_FIRST" envDefault:"5s"`
	RetryMax   time.Duration `env:"RETRY_MAX" envDefault:"6h"`
	// GiveUpAfter is how long an event is tried before it is a dead letter.
	GiveUpAfter time.Duration `env:"GIVE_UP_AFTER" envDefault:"72h"`
	// Overlap is how long the secret before signs, too, after a rotation.
	Overlap time.Duration `env:"OVERLAP" envDefault:"24h"`
	// Keep is how long deliveries are listed after they have ended.
	Keep time.Duration `env:"KEEP" envDefault:"168h"`
	// AllowPrivate allows endpoints without TLS and at private addresses: for development.
	AllowPrivate bool `env:"ALLOW_PRIVATE"`
}

// leaseMargin is how much longer a delivery is kept from others than its attempt may take.
const leaseMargin = 5 * time.Second

// lease is how long whoever takes a delivery has it alone.
func (p Policy) lease() time.Duration { return p.Timeout + leaseMargin }

// pause is how long to wait after so many attempts, at least as long as the receiver asks for; jittered, so that what failed together
// is not tried together.
func (p Policy) pause(attempts int, asked time.Duration) time.Duration {
	pause := p.RetryFirst
	for range attempts - 1 {
		if pause >= p.RetryMax {
			break
		}
		pause *= 3
	}
	pause = max(min(pause, p.RetryMax), min(asked, p.RetryMax))
	return pause + rand.N(pause/5+1)
}
