package api

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/converter"
)

// decodePath is where Temporal's Web UI, in somebody's browser, has payloads decrypted for those who may see them. Nothing is
// encrypted here: what is sent to workflows goes through the API.
const decodePath = "/codec/decode"

// maxPayloads bounds what is decrypted at once; Temporal takes messages of up to 4 MiB.
const maxPayloads = 4 << 20

func (a *API) codecRoutes() {
	if a.options.Codec == nil {
		return
	}
	decode := converter.NewPayloadCodecHTTPHandler(a.options.Codec)
	a.engine.POST(decodePath, a.permittedTo(mayDecode), func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxPayloads)
		decode.ServeHTTP(c.Writer, c.Request)
	})
	a.engine.OPTIONS(decodePath) // answered by crossOrigin
}

// crossOrigin lets pages of Temporal's Web UI, and of no other origin, read what is decrypted, with the credentials of the
// browser. It stands before the authentication, because a browser asks for leave without any.
func (a *API) crossOrigin(c *gin.Context) {
	if c.FullPath() != decodePath {
		return
	}
	c.Header("Vary", "Origin")
	if a.fromTemporalUI(c.Request) {
		c.Header("Access-Control-Allow-Origin", a.temporalUI)
		c.Header("Access-Control-Allow-Credentials", "true")
		c.Header("Access-Control-Allow-Methods", http.MethodPost)
		c.Header("Access-Control-Allow-Headers", "Authorization, Authorization-Extras, Content-Type, X-Namespace")
		c.Header("Access-Control-Max-Age", "600")
	}
	if c.Request.Method == http.MethodOptions {
		c.AbortWithStatus(http.StatusNoContent)
	}
}

func (a *API) fromTemporalUI(r *http.Request) bool {
	return a.temporalUI != "" && r.Header.Get("Origin") == a.temporalUI
}

// decrypts says that a request reads only, though it is a POST, and comes from where the answer may go: it needs no CSRF token.
func (a *API) decrypts(r *http.Request) bool { return r.URL.Path == decodePath && a.fromTemporalUI(r) }

// originOf is the origin of a page at an address, as browsers write it; empty for an address that is none.
func originOf(address string) string {
	where, err := url.Parse(address)
	if err != nil || where.Host == "" {
		return ""
	}
	return where.Scheme + "://" + where.Host
}
