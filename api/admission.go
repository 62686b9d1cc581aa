package api

import "github.com/gin-gonic/gin"

// admission bounds how many requests are served at once: beyond that, all of them would only become slower until none is
// answered in time. Commands wait for workflows, and reads must go on meanwhile: so each have places of their own.
type admission struct{ commands, reads places }

// places are taken while a request is served; nil has no end of them.
type places chan struct{}

func newPlaces(n int) places {
	if n <= 0 {
		return nil
	}
	return make(places, n)
}

func newAdmission(limits Limits) admission {
	return admission{commands: newPlaces(limits.Commands), reads: newPlaces(limits.Reads)}
}

// alwaysServed are the routes that must answer when nothing else does.
var alwaysServed = map[string]bool{"/livez": true, "/readyz": true, "/metrics": true}

// admit turns requests away at once when all places are taken, before anything is done for them. Streams have places of their
// own.
func (a *API) admit(c *gin.Context) {
	places := a.admission.commands
	if isReading(c.Request.Method) {
		places = a.admission.reads
	}
	if places == nil || alwaysServed[c.FullPath()] || streamRoutes[c.FullPath()] {
		return
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
		c.Next()
	default:
		a.turnAway(c, newProblem(codeOverloaded, "Nothing was done: send the same request again.").after(tryAgainSoon))
	}
}

// turnAway counts what is not served in place of logging it, which would be work, too.
func (a *API) turnAway(c *gin.Context, problem *Problem) {
	a.metrics.turned.WithLabelValues(string(problem.Code)).Inc()
	requestOf(c.Request.Context()).turnedAway = true
	abort(c, problem)
}
