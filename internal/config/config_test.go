package config_test

import (
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
