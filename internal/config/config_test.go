package config_test

import (
	"strings"
	"testing"

	"orderly/internal/config"
)

// Without a wish to die nothing of it is hung up, and a wish that is none is refused.
func TestLoad_KillAt(t *testing.T) {
	for value, want := range map[string]struct{ armed, fails bool }{
		"": {}, "after_effect:12": {armed: true}, "after_effect": {fails: true}, "nowhere:1": {fails: true},
	} {
		t.Setenv("ORDERLY_KILL_AT", value)
		c, err := config.Load()
		if (err != nil) != want.fails || (c.KillAt != nil) != want.armed {
			t.Errorf("%q: %v, %v", value, c.KillAt, err)
		}
	}
}

// TestLoad_WordsThatMeanNothing_AreRefused: passed over, they would leave customers without notices, and parcels to nobody.
func TestLoad_WordsThatMeanNothing_AreRefused(t *testing.T) {
	for variable, words := range map[string][2]string{
		"ORDERLY_FAILED_PARCEL": {"reship", "refunded"}, "ORDERLY_NOTIFY": {"shipped,refunded", "sent"}, "ORDERLY_LOG_FORMAT": {"console", "text"},
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, words[0])
			if _, err := config.Load(); err != nil {
				t.Errorf("%s: %v", words[0], err)
			}
			t.Setenv(variable, words[1])
			if _, err := config.Load(); err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), words[1]) {
				t.Errorf("%s: %v", words[1], err)
			}
		})
	}
}
