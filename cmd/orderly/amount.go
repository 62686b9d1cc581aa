package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bojanz/currency"
)

// display is a value for people: amounts with their currency, everything else as it is.
func display(name string, value any, data map[string]any) string {
	number, isNumber := value.(json.Number)
	if !isNumber || !strings.HasSuffix(name, "amount") && name != "total" {
		return fmt.Sprint(value)
	}
	minor, err := number.Int64()
	if err != nil {
		return number.String()
	}
	code, _ := data["currency"].(string)
	return formatMinor(minor, code)
}

// formatMinor writes an amount of minor units as in $99.99; a bare number when the currency is not known.
func formatMinor(minor int64, code string) string {
	amount, err := currency.NewAmountFromInt64(minor, code)
	if err != nil {
		return fmt.Sprint(minor)
	}
	return currency.NewFormatter(currency.NewLocale("en-US")).Format(amount)
}
