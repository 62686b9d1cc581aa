package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"

	"orderly/bulk"
	"orderly/eventstore"
	"orderly/journal"
	"orderly/live"
	"orderly/orchestrator"
	"orderly/projection"
	"orderly/readmodel"
	"orderly/webhooks"
)

// Options are what an API is made of.
type Options struct {
	// Journal and ReadModel are needed: the stream of events, and what is derived from it.
	Journal   *journal.Journal
	ReadModel *readmodel.ReadModel
	// Projections are those that can be repaired and built anew here.
	Projections []projection.Projection
	// Store and Pool tell how far the projections are behind.
	Store *eventstore.Store
	// Live tells of events as they happen, and is needed.
	Live *live.Hub
	// Temporal takes the commands.
	Temporal client.Client
	// Namespace is Temporal's, for links into its Web UI at TemporalUIURL.
	Namespace     string
	TemporalUIURL string
	// Codec decrypts what Temporal keeps, for its Web UI; without it nothing is.
	Codec converter.PayloadCodec
	// Pool is needed: API keys, sessions and idempotency keys live there.
	Pool *pgxpool.Pool
	// Logger and Metrics may be nil.
	Logger  *zap.Logger
	Metrics *prometheus.Registry
	// WebhookSecret signs the carriers' webhooks, as Standard Webhooks says (whsec_...). Without it none are taken.
	WebhookSecret string
	// Webhooks keeps the endpoints of outgoing webhooks; AllowPrivateWebhooks lets them be without TLS, at any address.
	Webhooks             *webhooks.Store
	AllowPrivateWebhooks bool
	// StripeWebhookSecret signs Stripe's webhooks. Without it none are taken.
	StripeWebhookSecret string
	// PublicURL is where this API is reached; links to orders lead there.
	PublicURL string
	// Identity says whose tokens are taken beside API keys.
	Identity Identity
	// SessionLifetime is how long a browser stays logged in.
	SessionLifetime time.Duration
	// Limits keep one caller, or all of them together, from taking more than there is.
	Limits Limits
	// Ready tells whether the database's schema is the one that this code needs; nil asks nothing.
	Ready func(context.Context) error
	// Draining is closed when the process is told to stop: /readyz says so, connections are closed after their answer, and
	// whoever streams ends the stream. Never when it is nil.
	Draining <-chan struct{}
}

// API serves orders over HTTP.
type API struct {
	options   Options
	log       *zap.Logger
	journal   *journal.Journal
	readModel *readmodel.ReadModel
	commands  commander
	bulk      *bulk.Store
	receipts  *receipts
	metrics   *metrics

	// keys, tokens and sessions are the credentials that callers come with.
	keys, tokens, sessions *memory
	issuer                 *issuer
	secureCookies, tls     bool
	temporalUI             string // the origin of its pages
	bodyWithin             time.Duration
	pulseEvery             time.Duration
	projectedWithin        time.Duration
	callers                *callers
	admission              admission
	streams                places

	engine   *gin.Engine
	huma     huma.API
	document []byte
}

// New makes an API.
func New(options Options) *API {
	if options.Logger == nil {
		options.Logger = zap.NewNop()
	}
	if options.Metrics == nil {
		options.Metrics = prometheus.NewRegistry()
	}
	a := &API{
		options: options, log: options.Logger, journal: options.Journal, readModel: options.ReadModel,
		receipts: &receipts{options.Pool}, bulk: bulk.NewStore(options.Pool), metrics: newMetrics(options.Metrics),
		issuer: newIssuer(options.Identity), secureCookies: isSecure(options.PublicURL), tls: strings.HasPrefix(options.PublicURL, "https://"), bodyWithin: bodyWithin, pulseEvery: pulseEvery, projectedWithin: projectedWithin, temporalUI: originOf(options.TemporalUIURL),
		callers: newCallers(options.Limits), admission: newAdmission(options.Limits), streams: newPlaces(maxStreams),
	}
	a.keys, a.tokens, a.sessions = newMemory(a.findByKey), newMemory(a.issuer.find), newMemory(a.findBySession)
	a.commands = orchestrator.New(options.Temporal, a.orderURL)
	a.engine = a.newEngine()
	a.huma = newHuma(a.engine)
	a.routes()
	document, err := a.describe()
	if err != nil {
		panic(fmt.Sprintf("describe the API: %v", err)) // a type that JSON cannot say: found by any test
	}
	a.document = document
	return a
}

// Handler serves the API.
func (a *API) Handler() http.Handler { return a.engine }

// newEngine makes the router. It matches paths as they were sent, so that an escaped slash stays inside its parameter.
func (a *API) newEngine() *gin.Engine {
	librarySettings()
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.UseEscapedPath = true
	engine.UnescapePathValues = false
	_ = engine.SetTrustedProxies(nil) // only fails for addresses that are none
	engine.Use(a.frame, a.crossOrigin, a.admit, a.authenticate, a.limitRate, unescapePath)
	engine.NoRoute(func(c *gin.Context) { abort(c, newProblem(codeNotFound, "")) })
	engine.NoMethod(func(c *gin.Context) { abort(c, newProblem(codeMethod, "The Allow header lists what is.")) })
	return engine
}
