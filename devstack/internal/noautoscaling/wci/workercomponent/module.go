// Package workercomponent is the part of auto-scaled workers that a server runs in its own worker: here, nothing.
package workercomponent

import "go.uber.org/fx"

// Module provides nothing.
var Module = fx.Options()
