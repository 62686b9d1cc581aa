package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
)

// readyWithin is how long the checks of /readyz may take together.
const readyWithin = 2 * time.Second

// live answers as long as the process serves at all.
func (a *API) live(c *gin.Context) {
	c.JSON(http.StatusOK, gin.H{"status": "live"})
}

// ready answers whether all that commands need is there, and names what is not.
func (a *API) ready(c *gin.Context) {
	if a.draining() {
		writeProblem(c, newProblem(codeNotReady, "The process is being stopped.").after(tryAgainSoon))
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyWithin)
	defer cancel()
	var faults []Fault
	for name, err := range a.readiness(ctx) {
		if err != nil {
			requestOf(ctx).log.Warn("not ready", zap.String("check", name), zap.Error(err))
			faults = append(faults, Fault{"/" + name, "is not ready"})
		}
	}
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Pointer, b.Pointer) })
	if len(faults) > 0 {
		writeProblem(c, newProblem(codeNotReady, "errors names what is not ready.", faults...).after(tryAgainSoon))
		return
	}
	c.JSON(http.StatusOK, gin.H{"status": "ready"})
}

// draining says whether the process was told to stop.
func (a *API) draining() bool {
	select {
	case <-a.options.Draining:
		return true
	default:
		return false
	}
}

// readiness asks everything at once: what is down often answers by a time-out.
func (a *API) readiness(ctx context.Context) map[string]error {
	checks := map[string]func(context.Context) error{"database": a.options.Pool.Ping}
	if a.options.Temporal != nil {
		checks["temporal"] = func(ctx context.Context) error {
			_, err := a.options.Temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		}
	}
	if a.options.Ready != nil {
		checks["schema"] = a.options.Ready
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	results := map[string]error{}
	for name, check := range checks {
		group.Go(func() {
			err := check(ctx)
			mu.Lock()
			defer mu.Unlock()
			results[name] = err
		})
	}
	group.Wait()
	return results
}
