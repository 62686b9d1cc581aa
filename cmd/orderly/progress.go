package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progressEvery is how often a line says how far a long walk is, where nobody watches a bar.
const progressEvery = 10 * time.Second

// progress shows how far a walk is: on a terminal as a bar that is rewritten and goes when all is done, elsewhere as a
// plain line now and then.
type progress struct {
	w      io.Writer
	done   string        // what is done to each step, as "verified"
	bars   *mpb.Progress // nil when there is no terminal
	bar    *mpb.Bar
	total  int64
	silent time.Time // until then no plain line is written

	mu   sync.Mutex
	text string
}

// newProgress makes a progress of about total steps; 0 when nobody knows how many. Plain lines begin with what is done.
func newProgress(w io.Writer, done string, total int64) *progress {
	p := &progress{w: w, done: done, total: total, silent: time.Now().Add(progressEvery)}
	if file, ok := w.(*os.File); !ok || !isatty.IsTerminal(file.Fd()) {
		return p
	}
	p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	style := mpb.BarFillerBuilder(mpb.BarStyle())
	if total <= 0 {
		style = mpb.SpinnerStyle()
	}
	p.bar = p.bars.New(total, style, mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.latest() })))
	return p
}

// set says how many steps are done, and what to show.
func (p *progress) set(done int64, text string) {
	if p.bars == nil {
		if now := time.Now(); now.After(p.silent) {
			p.silent = now.Add(progressEvery)
			fmt.Fprintln(p.w, p.done, "so far:", text)
		}
		return
	}
	p.mu.Lock()
	p.text = text
	p.mu.Unlock()
	if p.total > 0 { // an estimate: a bar that comes to it is over, and shows no more
		done = min(done, p.total-1)
	}
	p.bar.SetCurrent(done)
}

func (p *progress) latest() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text
}

// end removes the bar.
func (p *progress) end() {
	if p.bars == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
}
