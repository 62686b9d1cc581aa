package simulator

import "orderly/gateway"

// screen judges by the token alone.
func screen(_ *state, a ask[gateway.ScreenRequest]) outcome {
	verdict := gateway.Screening{Decision: "clear", Score: 7, Reference: a.id("scr_")}

	switch a.Request.Token {
	case "tok_fraud_review":
		verdict.Decision, verdict.Score = "review", 68
	case "tok_fraud_reject":
		verdict.Decision, verdict.Score = "reject", 97
	}

	return done(verdict, nil)
}
