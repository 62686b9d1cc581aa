package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"orderly/bulk"
	"orderly/eventstore"
	"orderly/journal"
	"orderly/orchestrator"
	"orderly/readmodel"
)

// Options are what an API is made of.
type Options struct {
	// Journal and ReadModel are needed: the stream of events, and what is derived from it.
	Journal   *journal.Journal
	ReadModel *readmodel.ReadModel
	// Store and Pool tell how far the projections are behind.
	Store *eventstore.Store
	// Temporal takes the commands.
	Temporal client.Client
	// Namespace is Temporal's, for links into its Web UI at TemporalUIURL.
	Namespace     string
	TemporalUIURL string
	// Pool is needed: API keys and idempotency keys live there.
	Pool *pgxpool.Pool
	// Logger and Metrics may be nil.
	Logger  *zap.Logger
	Metrics *prometheus.Registry
	// WebhookSecret signs the carriers' webhooks, as Standard Webhooks says (whsec_...). Without it none are taken.
	WebhookSecret string
	// StripeWebhookSecret signs Stripe's webhooks. Without it none are taken.
	StripeWebhookSecret string
	// PublicURL is where this API is reached, ConsoleURL the operations console; orders are linked to the console when
	// there is one, and else to the API.
	PublicURL  string
	ConsoleURL string
	// Ready tells whether the database's schema is the one that this code needs; nil asks nothing.
	Ready func(context.Context) error
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
	keys      *keyring
	metrics   *metrics

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
		receipts: &receipts{options.Pool}, keys: newKeyring(options.Pool), bulk: bulk.NewStore(options.Pool), metrics: newMetrics(options.Metrics),
	}
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
	engine.Use(a.frame, a.authenticate, unescapePath)
	engine.NoRoute(func(c *gin.Context) { abort(c, newProblem(codeNotFound, "")) })
	engine.NoMethod(func(c *gin.Context) { abort(c, newProblem(codeMethod, "The Allow header lists what is.")) })
	return engine
}
