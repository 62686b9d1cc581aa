package api

import (
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
)

// librarySettings are variables of the packages gin and huma; they are set once, before their first use.
var librarySettings = sync.OnceFunc(func() {
	gin.SetMode(gin.ReleaseMode)
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, _ string, found ...error) huma.StatusError {
		return problemFor(status, found)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, found ...error) huma.StatusError {
		problem := problemFor(status, found)
		current := requestOf(ctx.Context())
		problem.TraceID = current.traceID
		if status >= http.StatusInternalServerError && len(found) > 0 {
			current.cause = found[0]
		}
		return problem
	}
})

// problemFor is the problem that huma's own checks found.
func problemFor(status int, found []error) *Problem {
	switch status {
	case http.StatusUnprocessableEntity:
		return invalid(faultsOf(found)...)
	case http.StatusBadRequest:
		return newProblem(codeMalformed, "")
	case http.StatusRequestEntityTooLarge:
		return newProblem(codeTooLarge, "")
	case http.StatusUnsupportedMediaType:
		return newProblem(codeMediaType, "")
	case http.StatusRequestTimeout:
		return newProblem(codeBodyTimeout, "")
	default:
		return newProblem(codeInternal, "")
	}
}

func newHuma(engine *gin.Engine) huma.API {
	config := huma.DefaultConfig("Orderly", "1")
	config.Info.Description = "Places orders and sees them through: payment, stock, parcels, and what goes wrong with them."
	config.OpenAPIPath = "" // served by openAPI, without variants
	config.DocsPath = ""    // huma's page loads its scripts from elsewhere
	config.SchemasPath = ""
	config.CreateHooks = nil // else every body gets a $schema
	config.RejectUnknownQueryParameters = true
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session":       {Type: "apiKey", In: "cookie", Name: secureSessionCookie, Description: "The session of a browser that has logged in at /session; what changes something carries its X-CSRF-Token, too."},
		"local_session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "The same over plain HTTP, on a developer's own machine."},
		"key":           {Type: "http", Scheme: "bearer", Description: "An API key (ord_...), or a token of the identity provider. What is listed beside it is the permission that is needed."},
	}
	return humagin.New(engine, config)
}
