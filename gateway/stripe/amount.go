package stripe

import (
	"strings"

	sdk "github.com/stripe/stripe-go/v85"
)

// Stripe counts in minor units as ISO 4217 does, but for two currencies that have none and are given in hundredths still.
func minorFactor(currency string) int64 {
	switch strings.ToUpper(currency) {
	case "ISK", "UGX":
		return 100
	default:
		return 1
	}
}

func toStripe(amount int64, currency string) int64 { return amount * minorFactor(currency) }

func fromStripe(amount int64, currency sdk.Currency) int64 {
	return amount / minorFactor(string(currency))
}

func currencyCode(currency string) string { return strings.ToLower(currency) }
