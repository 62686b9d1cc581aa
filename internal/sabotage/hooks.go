package sabotage

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/interceptor"
)

// Transport passes the points around an effect.
func (k *Killer) Transport(next http.RoundTripper) http.RoundTripper { return transport{k, next} }

type transport struct {
	*Killer

	next http.RoundTripper
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	t.pass(BeforeEffect)
	response, err := t.next.RoundTrip(request)
	if err == nil {
		t.pass(AfterEffect)
	}
	return response, err
}

// Handler passes the point before an answer to a command.
func (k *Killer) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w = answer{w, k}
		}
		next.ServeHTTP(w, r)
	})
}

type answer struct {
	http.ResponseWriter
	*Killer
}

func (a answer) WriteHeader(status int) {
	a.pass(BeforeAnswer)
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (a answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Interceptor passes the points around activities.
func (k *Killer) Interceptor() interceptor.Interceptor { return &workers{Killer: k} }

type workers struct {
	interceptor.InterceptorBase
	*Killer
}

func (w *workers) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &activities{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, Killer: w.Killer}
}

type activities struct {
	interceptor.ActivityInboundInterceptorBase
	*Killer
}

func (a *activities) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	a.pass(BeforeActivity)
	result, err := a.Next.ExecuteActivity(ctx, in)
	a.pass(AfterActivity)
	return result, err
}

// Tracer passes the points within transactions.
func (k *Killer) Tracer() pgx.QueryTracer { return tracer{k} }

type tracer struct{ *Killer }

type committing struct{}

func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, query pgx.TraceQueryStartData) context.Context {
	if query.SQL != "commit" {
		return ctx
	}
	t.pass(BeforeCommit)
	return context.WithValue(ctx, committing{}, true)
}

func (t tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, query pgx.TraceQueryEndData) {
	if query.Err == nil && ctx.Value(committing{}) != nil {
		t.pass(AfterCommit)
	}
}

// TraceBatchStart makes pgx tell of batches.
func (t tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (t tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {
	t.pass(InBatch)
}

// TraceBatchEnd has nothing to add.
func (t tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
