package api

import (
	"fmt"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"
)

// Limits are how much is taken on; zero means without a limit.
type Limits struct {
	// PerSecond is how many requests a caller may send a second in the long run, and Burst how many at once.
	PerSecond, Burst int
	// Commands and Reads are how many of each are served at once; what is beyond is turned away.
	Commands, Reads int
}

// limitRate turns callers away who ask more often than is agreed, and tells all of them how much is left, by
// draft-ietf-httpapi-ratelimit-headers. Each process counts for itself.
func (a *API) limitRate(c *gin.Context) {
	who := requestOf(c.Request.Context()).principal
	if who == nil || a.callers == nil {
		return
	}
	allowed, left, wait := a.callers.take(who.id, time.Now())
	c.Header("RateLimit-Policy", a.callers.policy)
	c.Header("RateLimit", fmt.Sprintf(`"caller";r=%d;t=%d`, left, a.callers.limits.secondsToRefill(left)))
	if !allowed {
		a.turnAway(c, newProblem(codeRateLimited, fmt.Sprintf("A caller may send %d requests a second here.", a.callers.limits.PerSecond)).after(wait))
	}
}

// secondsToRefill is how long it takes until a caller who may send so many has the whole burst again.
func (l Limits) secondsToRefill(left int) int {
	return (l.Burst - left + l.PerSecond - 1) / l.PerSecond
}

// maxIdleCallers is how many callers are kept before those who have their whole burst again are forgotten.
const maxIdleCallers = 1000

// callers counts what each caller asks.
type callers struct {
	limits Limits
	policy string

	mu    sync.Mutex
	known map[string]*rate.Limiter
}

// newCallers is nil when there is no limit.
func newCallers(limits Limits) *callers {
	if limits.PerSecond <= 0 {
		return nil
	}
	limits.Burst = max(limits.Burst, limits.PerSecond)
	window := max(limits.Burst/limits.PerSecond, 1)
	return &callers{limits: limits, policy: fmt.Sprintf(`"caller";q=%d;w=%d`, limits.Burst, window), known: map[string]*rate.Limiter{}}
}

// take counts a request. left is how many may follow at once, wait how long it takes until one more may.
func (c *callers) take(id string, now time.Time) (allowed bool, left int, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	limiter := c.known[id]
	if limiter == nil {
		c.forgetIdle(now)
		limiter = rate.NewLimiter(rate.Limit(c.limits.PerSecond), c.limits.Burst)
		c.known[id] = limiter
	}
	allowed = limiter.AllowN(now, 1)
	tokens := limiter.TokensAt(now)
	if missing := 1 - tokens; missing > 0 {
		wait = time.Duration(missing / float64(c.limits.PerSecond) * float64(time.Second))
	}
	return allowed, max(int(tokens), 0), wait
}

func (c *callers) forgetIdle(now time.Time) {
	if len(c.known) < maxIdleCallers {
		return
	}
	for id, limiter := range c.known {
		if limiter.TokensAt(now) >= float64(c.limits.Burst) {
			delete(c.known, id)
		}
	}
}
