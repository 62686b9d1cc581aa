package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"orderly/internal/keyset"
	"orderly/internal/temporalclient"
)

// temporalPage is the origin of the Web UI that the harness knows.
const temporalPage = "http://temporal.test"

// sealedPayload is a request to decrypt, and the text that is in it.
func sealedPayload(t *testing.T, codec converter.PayloadCodec) string {
	t.Helper()
	plain, err := converter.GetDefaultDataConverter().ToPayload("what happened")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := codec.Encode([]*commonpb.Payload{plain})
	if err != nil {
		t.Fatal(err)
	}
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: sealed})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func newCodecHarness(t *testing.T) (*harness, string) {
	t.Helper()
	keys, err := keyset.Parse(keyset.Generate("k"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t)
	codec := temporalclient.NewCodec(keys)
	h.options.Codec = codec
	h.codecRoutes()
	return h, sealedPayload(t, codec)
}

// shows says whether an answer is the payload of [sealedPayload], decrypted. The text is in base64.
func shows(answer *httptest.ResponseRecorder) bool {
	var payloads commonpb.Payloads
	err := protojson.Unmarshal(answer.Body.Bytes(), &payloads)
	return err == nil && len(payloads.GetPayloads()) == 1 && strings.Contains(string(payloads.GetPayloads()[0].GetData()), "what happened")
}

func TestDecode_IsForThoseWhoMay(t *testing.T) {
	t.Parallel()
	h, body := newCodecHarness(t)
	if answer := h.do(t, ask{http.MethodPost, decodePath, body, nil}); answer.Code != http.StatusOK || !shows(answer) {
		t.Errorf("an admin: %d %s", answer.Code, answer.Body)
	}
	for _, each := range roles {
		if each == admin {
			continue
		}
		key := h.newKey(t, "acme", string(each))
		answer := h.do(t, ask{http.MethodPost, decodePath, body, []string{"Authorization", "Bearer " + key}})
		if answer.Code != http.StatusForbidden || shows(answer) {
			t.Errorf("%s: %d %s", each, answer.Code, answer.Body)
		}
	}
	if answer := h.do(t, ask{http.MethodPost, decodePath, body, []string{"Authorization", ""}}); answer.Code != http.StatusUnauthorized {
		t.Errorf("nobody: %d", answer.Code)
	}
	if answer := h.do(t, ask{http.MethodPost, "/codec/encode", body, nil}); answer.Code != http.StatusNotFound {
		t.Errorf("encode: %d, want that there is no such thing", answer.Code)
	}
	huge := `{"payloads":[{"data":"` + strings.Repeat("A", maxPayloads) + `"}]}`
	if answer := h.do(t, ask{http.MethodPost, decodePath, huge, nil}); answer.Code < 400 || answer.Code >= 500 {
		t.Errorf("a huge body: %d", answer.Code)
	}
}

func TestDecode_AnswersOnlyPagesOfTheTemporalUI(t *testing.T) {
	t.Parallel()
	h, body := newCodecHarness(t)
	login := h.do(t, ask{http.MethodPost, "/session/key", `{"api_key":"` + h.key + `"}`, []string{"Authorization", ""}})
	cookie := login.Result().Cookies()[0]
	for origin, allowed := range map[string]bool{
		temporalPage: true, "": false, "null": false, "https://temporal.test": false, "http://temporal.test.evil.example": false, "http://evil.example": false,
	} {
		leave := h.do(t, ask{http.MethodOptions, decodePath, "", []string{"Authorization", "", "Origin", origin, "Access-Control-Request-Method", "POST"}})
		got := leave.Header().Get("Access-Control-Allow-Origin")
		if leave.Code != http.StatusNoContent || (got == temporalPage) != allowed || got != "" && !allowed {
			t.Errorf("leave for %q: %d, allowed %q", origin, leave.Code, got)
		}
		answer := h.do(t, ask{http.MethodPost, decodePath, body, []string{"Authorization", "", "Origin", origin, "Cookie", cookie.Name + "=" + cookie.Value}})
		if shows(answer) != allowed {
			t.Errorf("by cookie from %q: %d %s", origin, answer.Code, answer.Body)
		}
	}
	elsewhere := h.do(t, ask{http.MethodPost, "/v1/orders", usualOrder, []string{
		"Authorization", "", "Origin", temporalPage, "Cookie", cookie.Name + "=" + cookie.Value, "Idempotency-Key", "k1",
	}})
	if elsewhere.Code != http.StatusForbidden || elsewhere.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a command from the Temporal UI's page: %d %v", elsewhere.Code, elsewhere.Header())
	}
}
