package gateway

import "context"

// Screen implements [Fraud]. It never ends in [*UnknownOutcome]: there is no effect to be unsure of.
func (h *HTTP) Screen(ctx context.Context, r ScreenRequest) (Screening, error) {
	var result Screening

	err := h.post(ctx, call{
		path: "/fraud/screen", key: r.Key, body: r, answer: &result, readOnly: true,
		valid: func() bool {
			return result.Decision == "clear" || result.Decision == "review" || result.Decision == "reject"
		},
	})
	if err != nil {
		return Screening{}, err
	}

	return result, nil
}
