package sabotage_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/internal/sabotage"
)

// victim is set in the process that is to die; it says at which of its steps it is.
const victim = "SABOTAGE_VICTIM"

func parse(t *testing.T, text string) *sabotage.Killer {
	t.Helper()
	k := &sabotage.Killer{}
	if err := k.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return k
}

// steps lead by each point, once each time.
var steps = map[string]func(*testing.T, *sabotage.Killer){
	sabotage.BeforeEffect: ask,
	sabotage.AfterEffect:  ask,
	sabotage.BeforeAnswer: func(_ *testing.T, k *sabotage.Killer) {
		handler := k.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	},
	sabotage.InBatch: func(_ *testing.T, k *sabotage.Killer) {
		k.Tracer().(pgx.BatchTracer).TraceBatchQuery(context.Background(), nil, pgx.TraceBatchQueryData{})
	},
	sabotage.BeforeCommit: commit,
	sabotage.AfterCommit:  commit,
}

func ask(t *testing.T, k *sabotage.Killer) {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := k.Transport(http.DefaultTransport).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
}

func commit(_ *testing.T, k *sabotage.Killer) {
	ctx := k.Tracer().TraceQueryStart(context.Background(), nil, pgx.TraceQueryStartData{SQL: "commit"})
	k.Tracer().TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
}

// A process passes its point as often as it may, and dies the next time. The test runs itself to have one that dies.
func TestKiller_DiesAtItsPointWhenItIsTime(t *testing.T) {
	t.Parallel()
	if point := os.Getenv(victim); point != "" {
		k := parse(t, point+":2")
		steps[point](t, k)
		if _, err := os.Stdout.WriteString("once\n"); err != nil {
			t.Fatal(err)
		}
		steps[point](t, k)
		return
	}
	for point := range steps {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+"TestKiller_DiesAtItsPointWhenItIsTime"+"$")
			cmd.Env = append(os.Environ(), victim+"="+point)
			output, err := cmd.Output()
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL || string(output) != "once\n" {
				t.Errorf("ended with %v after saying %q, want SIGKILL after %q", err, output, "once\n")
			}
		})
	}
}

func TestKiller_OtherPoints_AreHarmless(t *testing.T) {
	t.Parallel()
	k := parse(t, sabotage.AfterActivity+":1")
	for _, step := range steps {
		step(t, k)
	}
}

func TestKiller_RefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"nowhere:1", "after_effect", "after_effect:0", "after_effect:-1", "after_effect:x"} {
		if err := new(sabotage.Killer).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestClock_WithoutSkew_IsRight(t *testing.T) {
	t.Parallel()
	before := time.Now()
	if now := sabotage.Clock(0)(); now.Before(before) || now.After(time.Now()) {
		t.Errorf("the clock says %s", now)
	}
}

func TestClock_WithSkew_JumpsThereAndBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := sabotage.Clock(-time.Minute)
		ahead := map[time.Duration]int{}
		for range 40 {
			ahead[time.Until(clock())]++
			time.Sleep(time.Second)
		}
		if len(ahead) != 2 || ahead[0] < 10 || ahead[-time.Minute] < 10 {
			t.Errorf("the clock was off by %v", ahead)
		}
	})
}
