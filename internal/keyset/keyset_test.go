package keyset_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"orderly/internal/keyset"
)

func parse(t *testing.T, keys ...string) keyset.Set {
	t.Helper()
	set, err := keyset.Parse(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestParse(t *testing.T) {
	t.Parallel()
	good := keyset.Generate("m")
	for name, text := range map[string]string{
		"empty": "", "no name": ":" + strings.TrimPrefix(good, "m:"), "no key": "m:", "short": "m:AAAA", "not base64": "m:" + strings.Repeat("!", 44),
		"twice": good + "," + good, "trailing comma": good + ",",
	} {
		if _, err := keyset.Parse(text); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), strings.TrimPrefix(good, "m:")) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
	if parsed := parse(t, good, " "+keyset.Generate("n")); parsed.Empty() || parsed.Current() != "m" {
		t.Errorf("two keys: the current one is %q", parsed.Current())
	}
}

func TestSet_TheFirstKeySeals_AllOpen(t *testing.T) {
	t.Parallel()
	older, newer := keyset.Generate("older"), keyset.Generate("newer")
	before, after := parse(t, older), parse(t, newer, older)
	sealed := before.Seal([]byte("secret"), []byte("bound"))
	if got, err := after.Open("older", sealed, []byte("bound")); err != nil || string(got) != "secret" {
		t.Errorf("after the rotation: %q, %v", got, err)
	}
	if _, err := before.Open("newer", after.Seal([]byte("secret"), nil), nil); !errors.Is(err, keyset.ErrUnknownKey) {
		t.Errorf("opened without the key: %v", err)
	}
}

func TestSet_OpensOnlyWhatItSealed(t *testing.T) {
	t.Parallel()
	set := parse(t, keyset.Generate("k"))
	sealed := set.Seal([]byte("secret"), []byte("bound"))
	if bytes.Equal(sealed, set.Seal([]byte("secret"), []byte("bound"))) {
		t.Error("sealed twice, it is the same: the nonce is not random")
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := set.Open("k", damaged, []byte("bound")); !errors.Is(err, keyset.ErrDamaged) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	if _, err := set.Open("k", sealed, []byte("elsewhere")); !errors.Is(err, keyset.ErrDamaged) {
		t.Errorf("moved elsewhere: %v", err)
	}
}
