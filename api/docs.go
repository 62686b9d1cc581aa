package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui/v5/static"
)

// docsPage is Swagger UI from our own server: its scripts and styles are embedded, so it works without the internet.
const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Orderly API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<main id="api"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

const docsStart = `window.ui = SwaggerUIBundle({
	url: "/openapi.json", dom_id: "#api", deepLinking: true, persistAuthorization: false, defaultModelsExpandDepth: 0
});
`

// docsPolicy allows what Swagger UI needs: it writes styles into its elements and has its pictures in data URLs.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (a *API) docs(c *gin.Context) {
	c.Header("Content-Security-Policy", docsPolicy)
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(docsPage))
}

// docsAsset serves the files of the docs page.
func (a *API) docsAsset(c *gin.Context) {
	name := strings.TrimPrefix(c.Param("asset"), "/")
	body, err := docsFile(name)
	if err != nil {
		abort(c, newProblem(codeNotFound, ""))
		return
	}
	c.Header("Cache-Control", "public, max-age=3600")
	c.Data(http.StatusOK, mime.TypeByExtension(path.Ext(name)), body)
}

func docsFile(name string) ([]byte, error) {
	if name == "start.js" {
		return []byte(docsStart), nil
	}
	if body, err := static.FS.ReadFile(name); err == nil && path.Ext(name) == ".png" {
		return body, nil
	}
	packed, err := static.FS.ReadFile(name + ".gz")
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// describe is the OpenAPI document, which is made of the same types that check the requests.
func (a *API) describe() ([]byte, error) {
	document, err := json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
	if err != nil {
		return nil, err
	}
	return append(document, '\n'), nil
}

func (a *API) openAPI(c *gin.Context) {
	c.Data(http.StatusOK, "application/json; charset=utf-8", a.document)
}
