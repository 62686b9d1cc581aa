package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// outside is a name of this machine, in a [browser] only: pages behave on a host of such a name as in production, and not as
// on a developer's machine.
const outside = "orderly.test"

// pageWithin bounds how long a page may take to do something; generous, for machines under load.
const pageWithin = 2 * time.Minute

// browser is a real one, without a window. It has no cookies at first, and reaches this machine only.
type browser struct {
	shop

	ctx context.Context

	mu sync.Mutex
	// asked are the addresses that pages wanted something from, and complaints is what they threw or were refused.
	asked, complaints []string
}

func (s shop) openBrowser() *browser {
	s.t.Helper()
	program := os.Getenv("BROWSER_BIN")
	if program == "" {
		s.t.Fatal("BROWSER_BIN is not set: run the tests with `make test`, or set it to what deploy/browser.sh prints")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1400, 1400), chromedp.WSURLReadTimeout(pageWithin),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("host-resolver-rules", "MAP "+outside+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))...)
	s.t.Cleanup(stop)
	b := &browser{shop: s}
	var quit context.CancelFunc
	b.ctx, quit = chromedp.NewContext(allocator, chromedp.WithListener(b.hears))
	s.t.Cleanup(quit)
	if err := chromedp.Do(b.ctx); err != nil {
		s.t.Fatalf("start %s: %v", program, err)
	}
	s.t.Cleanup(func() {
		if s.t.Failed() {
			_, complaints := b.heard()
			s.t.Logf("the browser complains of %q, and shows:\n%s", slices.Compact(complaints), b.text())
		}
	})
	return b
}

func (b *browser) hears(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.complaints = append(b.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	}
}

// heard is where pages wanted something from, and what the browser complained of, until now.
func (b *browser) heard() (asked, complaints []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked), slices.Clone(b.complaints)
}

// do does something on the page, for which it waits until it can be done.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageWithin)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("in the browser: %v", err)
	}
}

func (b *browser) visit(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// text is what the page shows; nothing while there is no page.
func (b *browser) text() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body?.innerText ?? ""`))
	if err != nil {
		return ""
	}
	return text
}

// sees waits until the page shows all of these texts at once, and gives all that it shows.
func (b *browser) sees(wanted ...string) (text string) {
	b.t.Helper()
	b.Await(fmt.Sprintf("the page shows %q", wanted), func() bool {
		text = b.text()
		return !slices.ContainsFunc(wanted, func(each string) bool { return !strings.Contains(text, each) })
	})
	return text
}

// logIn logs in with a key, by hand, on the page of the API's documentation where that is described.
func (b *browser) logIn(page, key string) {
	b.t.Helper()
	b.visit(page)
	b.do(
		chromedp.Click(chromedp.CSS(".try-out__btn")),
		chromedp.WaitVisible(chromedp.CSS(".body-param__text")),
		fill(".body-param__text", fmt.Sprintf(`{"api_key": %q}`, key)),
		chromedp.Click(chromedp.CSS(".execute")),
		chromedp.WaitVisible(chromedp.CSS(".live-responses-table .response-col_status")),
	)
	status, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS(".live-responses-table tbody .response-col_status")))
	if err != nil || strings.TrimSpace(status) != fmt.Sprint(http.StatusOK) {
		b.t.Fatalf("the login: %q, %v", status, err)
	}
}

// fill puts text in the place of what stands in a field, as from the clipboard.
func fill(field, text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, page *chromedp.Target) error {
		_, err := chromedp.Evaluate[*runtime.RemoteObject](fmt.Sprintf("document.querySelector(%q).select()", field))(ctx, page)
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, page, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}
