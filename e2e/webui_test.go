package e2e_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"orderly/internal/testkit"
)

// TestTemporalUI_ShowsPayloadsToWhoMaySeeThem looks at an order's workflow in the Web UI of `make run`: as somebody who has not
// logged in, as somebody who works on orders, and as an admin, who gets to the login by the link that the page shows.
func TestTemporalUI_ShowsPayloadsToWhoMaySeeThem(t *testing.T) {
	t.Parallel()
	run := newStack(t)
	env := run.start()
	s := shop{testkit.Attach(t, env["ORDERLY_URL"], env["ORDERLY_API_KEY"], env["ORDERLY_SIMULATOR_URL"]), t}
	id := s.place(wish{})
	s.until(id, "closed")
	ui := operator{s.openBrowser(), env["TEMPORAL_UI_URL"], id, inputInTemporal(t, env["TEMPORAL_ADDRESS"], "order-"+id)}

	ui.seesCiphertext()
	login := ui.linkToLogin()
	support := s.command(http.StatusOK, "/v1/keys", `{"name":"somebody","roles":["support"]}`)
	ui.logIn(login, support.body["api_key"].(string))
	ui.seesCiphertext()
	ui.logIn(login, s.Key)
	ui.seesPayloads()
}

// inputInTemporal is the input of a workflow as Temporal keeps it, in base64.
func inputInTemporal(t *testing.T, address, workflowID string) string {
	t.Helper()
	temporal, err := client.Dial(client.Options{HostPort: address})
	if err != nil {
		t.Fatal(err)
	}
	defer temporal.Close()
	events := temporal.GetWorkflowHistory(t.Context(), workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	first, err := events.Next()
	if err != nil {
		t.Fatal(err)
	}
	payload := first.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0]
	if encoding := string(payload.GetMetadata()["encoding"]); encoding != "binary/encrypted" {
		t.Fatalf("the input is kept as %s", encoding)
	}
	return base64.StdEncoding.EncodeToString(payload.GetData())
}

// operator looks at an order in the Web UI.
type operator struct {
	*browser

	url, order, ciphertext string
}

// openOrder opens the page of the order's workflow, where its history stands.
func (o operator) openOrder() {
	o.t.Helper()
	o.visit(o.url + "/namespaces/default/workflows/order-" + o.order)
	o.do(chromedp.Click(chromedp.CSS(`a[href*="/history?"]`)))
}

const whyEncrypted = "What is encrypted is not shown."

func (o operator) seesCiphertext() {
	o.t.Helper()
	o.openOrder()
	text := o.sees(whyEncrypted, o.ciphertext, "Workflow Execution Completed")
	for _, secret := range []string{`"order_id"`, "AuthorizePayment"} {
		if strings.Contains(text, secret) {
			o.t.Errorf("the page shows %s:\n%s", secret, text)
		}
	}
}

// seesPayloads wants the workflow's input, and what its events carry: the steps are named in markers.
func (o operator) seesPayloads() {
	o.t.Helper()
	o.openOrder()
	text := o.sees(`"order_id": "`+o.order+`"`, "AuthorizePayment", "CapturePayment")
	for _, unwanted := range []string{whyEncrypted, o.ciphertext} {
		if strings.Contains(text, unwanted) {
			o.t.Errorf("the page shows %s:\n%s", unwanted, text)
		}
	}
}

// linkToLogin is the link that the page of an order shows when it could not have payloads decrypted.
func (o operator) linkToLogin() string {
	o.t.Helper()
	link, err := chromedp.Run(o.ctx, chromedp.AttributeValue(chromedp.CSS(`a[href*="/docs#"]`), "href"))
	if err != nil {
		o.t.Fatalf("the link to the login: %v", err)
	}
	return link.Value
}
