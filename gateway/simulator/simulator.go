package simulator

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"orderly/internal/webhook"
)

// Options are the settings of [New]; the zero value is a simulator in memory, without transit.
type Options struct {
	// DataDir is where the journal is kept; it is made when missing. Empty means memory only.
	DataDir string
	// Transit is how long a parcel takes from booking to dispatch, and again from dispatch to delivery; 0 is off.
	Transit time.Duration
	// WebhookURL receives the carrier webhooks; without one parcels move and nobody is told.
	WebhookURL string
	// WebhookSecret signs them (whsec_<base64>). It is needed when WebhookURL is set.
	WebhookSecret string
	// Logger is where trouble is reported; nil means nowhere.
	Logger *zap.Logger
	// SlowFor is how long tok_slow takes; 0 means 3 s.
	SlowFor time.Duration
}

const defaultSlowFor = 3 * time.Second

// Simulator is all services at once. Its methods are safe for concurrent use.
type Simulator struct {
	opts   Options
	log    *zap.Logger
	faults faultSet
	sender *sender
	queue  dueQueue

	// mu makes decide, write and apply one step, so that of two requests with one key the second sees the first.
	mu      sync.Mutex
	state   *state
	journal *journal

	// closing ends answers that are being held back and replays under way.
	closing   context.Context //nolint:containedctx // the simulator's own life, not a request's
	close     context.CancelFunc
	replaying sync.WaitGroup
}

// New opens the journal in DataDir and brings the state back that it tells of.
func New(opts Options) (*Simulator, error) {
	if opts.SlowFor <= 0 {
		opts.SlowFor = defaultSlowFor
	}

	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}

	if opts.WebhookURL != "" {
		if _, err := webhook.Sign(opts.WebhookSecret, "probe", time.Now(), nil); err != nil {
			return nil, fmt.Errorf("webhook secret: %w", err)
		}
	}

	s := &Simulator{opts: opts, log: opts.Logger, state: newState(), sender: newSender(opts)}
	s.queue.init()
	s.closing, s.close = context.WithCancel(context.Background())

	if opts.DataDir != "" {
		j, err := openJournal(opts.DataDir, s.state.apply)
		if err != nil {
			return nil, err
		}

		s.journal = j
	}

	if opts.Transit > 0 {
		for _, parcel := range s.state.parcels {
			s.schedule(parcel)
		}
	}

	return s, nil
}

// Close ends what is held back and closes the journal. The handler answers 503 from then on.
func (s *Simulator) Close() error {
	s.close()
	s.replaying.Wait()
	s.sender.close()

	s.mu.Lock()
	defer s.mu.Unlock()

	if s.journal == nil {
		return nil
	}

	return s.journal.close()
}

// record writes r and then applies it. The caller holds mu.
func (s *Simulator) record(r record) error {
	if s.closing.Err() != nil {
		return errClosed
	}

	if s.journal != nil {
		if err := s.journal.append(r); err != nil {
			return err
		}
	}

	return s.state.apply(r)
}

// Handler serves the protocol and the control endpoints of the package documentation.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()

	mux.HandleFunc("POST /payments/authorize", effect(s, servicePayments, "authorize", authorize))
	mux.HandleFunc("POST /payments/capture", effect(s, servicePayments, "capture", capture))
	mux.HandleFunc("POST /payments/void", effect(s, servicePayments, "void", void))
	mux.HandleFunc("POST /payments/refund", effect(s, servicePayments, "refund", refund))
	mux.HandleFunc("GET /payments/lookup", s.lookup(servicePayments))

	mux.HandleFunc("POST /stock/reserve", effect(s, serviceStock, "reserve", reserve))
	mux.HandleFunc("POST /stock/release", effect(s, serviceStock, "release", release))
	mux.HandleFunc("POST /stock/commit", effect(s, serviceStock, "commit", commit))
	mux.HandleFunc("POST /stock/restock", effect(s, serviceStock, "restock", restock))
	mux.HandleFunc("GET /stock/lookup", s.lookup(serviceStock))

	mux.HandleFunc("POST /carriers/{carrier}/book", effect(s, serviceCarrier, "book", book))
	mux.HandleFunc("POST /carriers/{carrier}/cancel", effect(s, serviceCarrier, "cancel", cancel))
	mux.HandleFunc("GET /carriers/{carrier}/lookup", s.lookup(serviceCarrier))

	mux.HandleFunc("POST /fraud/screen", effect(s, serviceFraud, "screen", screen))

	mux.HandleFunc("POST /notifications/send", effect(s, serviceNotify, "send", notify))

	mux.HandleFunc("POST /faults", s.addFault)
	mux.HandleFunc("GET /faults", s.listFaults)
	mux.HandleFunc("DELETE /faults", s.clearFaults)
	mux.HandleFunc("DELETE /faults/{id}", s.removeFault)
	mux.HandleFunc("GET /ledger/{name}", s.getLedger)
	mux.HandleFunc("GET /shipments", s.listShipments)
	mux.HandleFunc("POST /webhooks/replay", s.replay)
	mux.HandleFunc("POST /webhooks/send", s.send)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "unknown_path", "there is nothing here")
	})

	return mux
}
