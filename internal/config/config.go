// Package config reads Orderly's configuration from the environment: DATABASE_URL, the TEMPORAL_* variables of
// Temporal's own tools, TEMPORAL_UI_URL, and ORDERLY_* for the rest. [Config] is the whole list. What is secret can be
// in a file, which the variable's name with _FILE behind it names, and is never shown.
package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"orderly/internal/keyset"
	"orderly/internal/sabotage"
	"orderly/order"
	"orderly/webhooks"
)

// Who can take payments.
const (
	PayBySimulator = "simulator"
	PayByStripe    = "stripe"
)

// Config is all of Orderly's configuration but Temporal's.
type Config struct {
	DatabaseURL string `env:"DATABASE_URL" secret:"true"`
	// OwnerURL is the database as its owner, who migrates, archives and repairs; DATABASE_URL when empty.
	OwnerURL      string `env:"ORDERLY_OWNER_URL" secret:"true"`
	TemporalUIURL string `env:"TEMPORAL_UI_URL"`

	HTTPAddr string `env:"ORDERLY_HTTP_ADDR" envDefault:"127.0.0.1:8080"`
	// TLSCertFile and TLSKeyFile make the API speak TLS; with TLSClientCAFile, only to clients with a certificate of those roots.
	TLSCertFile     string `env:"ORDERLY_TLS_CERT_FILE"`
	TLSKeyFile      string `env:"ORDERLY_TLS_KEY_FILE"`
	TLSClientCAFile string `env:"ORDERLY_TLS_CLIENT_CA_FILE"`
	// DrainDelay is how long requests are still taken after the process was told to stop, while /readyz says so to whoever
	// sends them here.
	DrainDelay time.Duration `env:"ORDERLY_DRAIN_DELAY" envDefault:"3s"`
	// PublicURL is where clients and people reach the API; http://<HTTPAddr> when empty, or https:// with a certificate.
	PublicURL string `env:"ORDERLY_URL"`
	// APIKey is the key with which the command line talks to the API.
	APIKey string `env:"ORDERLY_API_KEY" secret:"true"`

	// SimulatorURL is where the gateways are: the simulator, or services that speak as it does.
	SimulatorURL   string        `env:"ORDERLY_SIMULATOR_URL" envDefault:"http://127.0.0.1:8090"`
	GatewayTimeout time.Duration `env:"ORDERLY_GATEWAY_TIMEOUT" envDefault:"10s"`
	// Payments is who takes payments: the simulator, or a service that speaks as it does, or stripe.
	Payments string `env:"ORDERLY_PAYMENTS" envDefault:"simulator"`
	// StripeKey is the API key of the Stripe account, StripeURL where Stripe is (for tests; its own address when empty).
	StripeKey string `env:"ORDERLY_STRIPE_KEY" secret:"true"`
	StripeURL string `env:"ORDERLY_STRIPE_URL"`
	// StripeWebhookSecret signs Stripe's webhooks (whsec_...).
	StripeWebhookSecret string `env:"ORDERLY_STRIPE_WEBHOOK_SECRET" secret:"true"`
	// GatewayCAFile has roots that the gateways' certificates may be of, beside those of the system.
	GatewayCAFile string `env:"ORDERLY_GATEWAY_CA_FILE"`
	// WebhookSecret signs the carriers' webhooks (whsec_<base64>).
	WebhookSecret string `env:"ORDERLY_WEBHOOK_SECRET" secret:"true"`
	// KeepReceipts is how long the answers to commands are kept for clients that send them again.
	KeepReceipts time.Duration `env:"ORDERLY_KEEP_RECEIPTS" envDefault:"168h"`
	// MasterKeys wrap the keys of customers (name:base64 of 32 bytes; several by commas, the current one first).
	MasterKeys keyset.Set `env:"ORDERLY_MASTER_KEYS" secret:"true"`
	// TemporalKeys encrypt what Temporal keeps, in the same form.
	TemporalKeys keyset.Set `env:"ORDERLY_TEMPORAL_KEYS" secret:"true"`

	// OIDCIssuer is the OpenID Connect provider whose tokens are taken beside API keys, when they are made for OIDCAudience;
	// without it none are. The claims that hold the roles and the tenant may lie in objects: realm_access.roles.
	OIDCIssuer      string `env:"ORDERLY_OIDC_ISSUER"`
	OIDCAudience    string `env:"ORDERLY_OIDC_AUDIENCE"`
	OIDCRolesClaim  string `env:"ORDERLY_OIDC_ROLES_CLAIM" envDefault:"roles"`
	OIDCTenantClaim string `env:"ORDERLY_OIDC_TENANT_CLAIM" envDefault:"tenant"`
	// OIDCClientID and OIDCClientSecret are ours at the provider, for people who log in with a browser.
	OIDCClientID     string `env:"ORDERLY_OIDC_CLIENT_ID"`
	OIDCClientSecret string `env:"ORDERLY_OIDC_CLIENT_SECRET" secret:"true"`
	// SessionLifetime is how long a browser stays logged in.
	SessionLifetime time.Duration `env:"ORDERLY_SESSION_LIFETIME" envDefault:"8h"`

	// RateLimit is how many requests a second each caller may send to a process of the API in the long run, and RateBurst
	// how many at once; there is no limit when RateLimit is 0.
	RateLimit int `env:"ORDERLY_RATE_LIMIT" envDefault:"1000"`
	RateBurst int `env:"ORDERLY_RATE_BURST" envDefault:"2000"`
	// MaxCommands and MaxReads are how many of each a process of the API serves at once; what is beyond is answered with 503.
	MaxCommands int `env:"ORDERLY_MAX_COMMANDS" envDefault:"1000"`
	MaxReads    int `env:"ORDERLY_MAX_READS" envDefault:"500"`

	// CheckpointKey signs checkpoints: the base64 of an Ed25519 seed (`orderly checkpoint keygen`). Without it none are made.
	CheckpointKey string `env:"ORDERLY_CHECKPOINT_KEY" secret:"true"`
	// CheckpointPublicKeys are trusted when checkpoints are verified; that of CheckpointKey when there are none.
	CheckpointPublicKeys []string `env:"ORDERLY_CHECKPOINT_PUBLIC_KEYS"`
	// CheckpointEvery is how often the projector makes one.
	CheckpointEvery time.Duration `env:"ORDERLY_CHECKPOINT_EVERY" envDefault:"24h"`

	// Deployment and BuildID name the workers of this process to Temporal's worker versioning; without them they are not versioned.
	Deployment string `env:"ORDERLY_DEPLOYMENT"`
	BuildID    string `env:"ORDERLY_BUILD_ID"`

	// ReconcileEvery is how often workers look for open orders without a workflow, and ReconcileGrace how long nothing must
	// have been recorded to an order before it is looked at.
	ReconcileEvery time.Duration `env:"ORDERLY_RECONCILE_EVERY" envDefault:"1m"`
	ReconcileGrace time.Duration `env:"ORDERLY_RECONCILE_GRACE" envDefault:"1m"`

	// SnapshotEvery is how many events lie between the snapshots of an order; none are written or read when it is 0.
	SnapshotEvery int `env:"ORDERLY_SNAPSHOT_EVERY" envDefault:"50"`
	// ArchiveDir is where the events of archived orders are.
	ArchiveDir string `env:"ORDERLY_ARCHIVE_DIR" envDefault:".orderly/archive"`

	// KillAt and ClockSkew are for `orderly torture`: the process dies at a named point, and decides by a clock that jumps.
	KillAt    *sabotage.Killer `env:"ORDERLY_KILL_AT"`
	ClockSkew time.Duration    `env:"ORDERLY_CLOCK_SKEW"`

	LogLevel  string `env:"ORDERLY_LOG_LEVEL" envDefault:"info"`
	LogFormat string `env:"ORDERLY_LOG_FORMAT" envDefault:"json"`

	Policy order.Policy `envPrefix:"ORDERLY_"`

	// Webhooks are those that go out to integrators.
	Webhooks webhooks.Policy `envPrefix:"ORDERLY_WEBHOOKS_"`
}

// Load reads the environment, and the files that it names.
func Load() (Config, error) {
	environment, err := environment(env.ToMap(os.Environ()))
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: environment})
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	if c.OwnerURL == "" {
		c.OwnerURL = c.DatabaseURL
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.HTTPAddr
		if c.TLSCertFile != "" {
			c.PublicURL = "https://" + c.HTTPAddr
		}
	}
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return c, nil
}

// check refuses what no single variable can say about itself.
func (c Config) check() error {
	switch {
	case c.SnapshotEvery < 0:
		return fmt.Errorf("ORDERLY_SNAPSHOT_EVERY: %d is negative", c.SnapshotEvery)
	case c.BuildID != "" && c.Deployment == "":
		return fmt.Errorf("ORDERLY_BUILD_ID is %s, and ORDERLY_DEPLOYMENT is not set", c.BuildID)
	case c.ReconcileEvery < time.Second || c.ReconcileGrace < 0:
		return fmt.Errorf("ORDERLY_RECONCILE_EVERY is %s, want at least 1s; ORDERLY_RECONCILE_GRACE is %s, want at least 0", c.ReconcileEvery, c.ReconcileGrace)
	case c.OIDCIssuer != "" && c.OIDCAudience == "":
		return errors.New("ORDERLY_OIDC_ISSUER is set, and ORDERLY_OIDC_AUDIENCE is not: tokens made for others would be taken")
	case (c.TLSCertFile == "") != (c.TLSKeyFile == ""):
		return errors.New("ORDERLY_TLS_CERT_FILE and ORDERLY_TLS_KEY_FILE go together: one of them is not set")
	case c.TLSClientCAFile != "" && c.TLSCertFile == "":
		return errors.New("ORDERLY_TLS_CLIENT_CA_FILE is set, and ORDERLY_TLS_CERT_FILE is not: without TLS clients show no certificate")
	case c.DrainDelay < 0:
		return fmt.Errorf("ORDERLY_DRAIN_DELAY: %s is negative", c.DrainDelay)
	case c.SessionLifetime < time.Minute:
		return fmt.Errorf("ORDERLY_SESSION_LIFETIME is %s, want at least 1m", c.SessionLifetime)
	case c.RateLimit < 0 || c.RateBurst < 0 || c.MaxCommands < 0 || c.MaxReads < 0:
		return errors.New("ORDERLY_RATE_LIMIT, ORDERLY_RATE_BURST, ORDERLY_MAX_COMMANDS and ORDERLY_MAX_READS cannot be negative")
	case c.LogFormat != "json" && c.LogFormat != "console":
		return fmt.Errorf("ORDERLY_LOG_FORMAT is %q, want json or console", c.LogFormat)
	default:
		return errors.Join(c.checkPayments(), c.checkPolicy())
	}
}

// checkPolicy refuses words of the policy that mean nothing, and would be passed over.
func (c Config) checkPolicy() error {
	parcel := []string{order.PolicyAsk, order.PolicyReship, order.PolicyRefund}
	if !slices.Contains(parcel, c.Policy.FailedParcel) {
		return fmt.Errorf("ORDERLY_FAILED_PARCEL is %q, want one of %s", c.Policy.FailedParcel, strings.Join(parcel, ", "))
	}
	for _, kind := range c.Policy.Notify {
		if !slices.Contains(order.NoticeKinds, kind) && kind != "" {
			return fmt.Errorf("ORDERLY_NOTIFY has %q, want kinds of notices: %s", kind, strings.Join(order.NoticeKinds, ", "))
		}
	}
	return nil
}

func (c Config) checkPayments() error {
	switch {
	case c.Payments == PayBySimulator, c.Payments == PayByStripe && c.StripeKey != "":
		return nil
	case c.Payments == PayByStripe:
		return errors.New("ORDERLY_PAYMENTS is stripe, and ORDERLY_STRIPE_KEY is not set")
	default:
		return fmt.Errorf("ORDERLY_PAYMENTS is %q, want %s or %s", c.Payments, PayBySimulator, PayByStripe)
	}
}

// OrderURL is where people find an order.
func (c Config) OrderURL(orderID string) string {
	return c.PublicURL + "/v1/orders/" + orderID
}
