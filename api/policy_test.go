package api

import (
	"github.com/caarlos0/env/v11"

	"orderly/order"
)

// testPolicy is the policy as it is without configuration.
var testPolicy = env.Must(env.ParseAsWithOptions[order.Policy](env.Options{Environment: map[string]string{}}))
