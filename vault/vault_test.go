package vault_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/keyset"
	"orderly/internal/testkit"
	"orderly/vault"
)

var (
	alice = vault.Owner{Tenant: "shop", CustomerID: "alice"}
	bob   = vault.Owner{Tenant: "shop", CustomerID: "bob"}
)

func masters(t testing.TB, keys ...string) keyset.Set {
	t.Helper()
	parsed, err := keyset.Parse(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func newVault(t testing.TB) (*vault.Vault, *pgxpool.Pool) {
	t.Helper()
	pool := testkit.Database(t)
	return vault.New(pool, masters(t, keyset.Generate("m1"))), pool
}

func seal(t testing.TB, v *vault.Vault, owner vault.Owner, purpose, data string) vault.Box {
	t.Helper()
	box, err := v.Seal(t.Context(), owner, purpose, []byte(data))
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	return box
}

func mustOpen(t testing.TB, v *vault.Vault, owner vault.Owner, purpose string, box vault.Box, want string) {
	t.Helper()
	got, err := v.Open(t.Context(), owner, purpose, box)
	if err != nil || string(got) != want {
		t.Errorf("opened %q, %v; want %q", got, err, want)
	}
}

func TestSeal_OpensForItsOwnerAndPurposeOnly(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	box := seal(t, v, alice, "ord_1", "1 Main St")
	if strings.Contains(string(box.Content), "Main") {
		t.Error("the box shows what is in it")
	}
	mustOpen(t, v, alice, "ord_1", box, "1 Main St")
	seal(t, v, bob, "ord_1", "x")
	changed := vault.Box{KeyID: box.KeyID, Content: append([]byte{}, box.Content...)}
	changed.Content[len(changed.Content)/2] ^= 1
	tests := map[string]struct {
		owner   vault.Owner
		purpose string
		box     vault.Box
		want    error
	}{
		"another purpose":  {alice, "ord_2", box, vault.ErrDamaged},
		"another customer": {bob, "ord_1", box, vault.ErrErased}, // the box names a key that is not bob's
		"another tenant":   {vault.Owner{Tenant: "other", CustomerID: "alice"}, "ord_1", box, vault.ErrErased},
		"a changed bit":    {alice, "ord_1", changed, vault.ErrDamaged},
		"nothing in it":    {alice, "ord_1", vault.Box{KeyID: box.KeyID}, vault.ErrDamaged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := v.Open(t.Context(), tt.owner, tt.purpose, tt.box); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestSeal_SameDataTwice_DiffersUnderOneKey(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	first, second := seal(t, v, alice, "p", "same"), seal(t, v, alice, "p", "same")
	if string(first.Content) == string(second.Content) || first.KeyID != second.KeyID {
		t.Errorf("got %v and %v, want two ciphertexts under one key", first, second)
	}
}

func TestSeal_ManyAtOnceForANewOwner_UseOneKey(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	boxes := make([]vault.Box, 8)
	var group sync.WaitGroup
	for i := range boxes {
		group.Go(func() { boxes[i] = seal(t, v, alice, "p", "data") })
	}
	group.Wait()
	for _, box := range boxes {
		mustOpen(t, v, alice, "p", box, "data")
	}
}

func TestErase_MakesUnreadable_AndOnlyThat(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	box, other := seal(t, v, alice, "p", "hers"), seal(t, v, bob, "p", "his")
	if erased, err := v.Erase(t.Context(), alice); err != nil || !erased {
		t.Fatalf("erase: %v, %v", erased, err)
	}
	if _, err := v.Open(t.Context(), alice, "p", box); !errors.Is(err, vault.ErrErased) {
		t.Errorf("got %v, want ErrErased", err)
	}
	mustOpen(t, v, bob, "p", other, "his")
	if erased, err := v.Erase(t.Context(), alice); err != nil || erased {
		t.Errorf("erased again: %v, %v; want nothing to erase", erased, err)
	}
	later := seal(t, v, alice, "p", "came back")
	mustOpen(t, v, alice, "p", later, "came back")
	if _, err := v.Open(t.Context(), alice, "p", box); !errors.Is(err, vault.ErrErased) {
		t.Errorf("with a new key: got %v, want ErrErased", err)
	}
}

func TestRewrap_AfterIt_TheOldMasterKeyIsNotNeeded(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t)
	oldKey, newKey := keyset.Generate("2025"), keyset.Generate("2026")
	before := vault.New(pool, masters(t, oldKey))
	hers, his := seal(t, before, alice, "p", "hers"), seal(t, before, bob, "p", "his")

	both := vault.New(pool, masters(t, newKey, oldKey))
	mustOpen(t, both, alice, "p", hers, "hers")
	if n, err := both.Rewrap(t.Context()); err != nil || n != 2 {
		t.Fatalf("rewrapped %d, %v; want 2", n, err)
	}
	if n, err := both.Rewrap(t.Context()); err != nil || n != 0 {
		t.Errorf("rewrapped %d again, %v; want none", n, err)
	}
	after := vault.New(pool, masters(t, newKey))
	mustOpen(t, after, alice, "p", hers, "hers")
	mustOpen(t, after, bob, "p", his, "his")
	if _, err := before.Open(t.Context(), alice, "p", hers); err == nil || !strings.Contains(err.Error(), `"2026"`) {
		t.Errorf("without the new master key: got %v, want an error that names it", err)
	}
}

// TestWrappedKey_MovedToAnotherCustomer_IsRefused: whoever can write the table must not read one customer as another.
func TestWrappedKey_MovedToAnotherCustomer_IsRefused(t *testing.T) {
	t.Parallel()
	v, pool := newVault(t)
	box := seal(t, v, alice, "p", "hers")
	if _, err := pool.Exec(t.Context(), `UPDATE customer_keys SET customer_id = 'bob'`); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(t.Context(), bob, "p", box); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

func TestVault_WithoutMasterKey_SealsNothing(t *testing.T) {
	t.Parallel()
	v := vault.New(testkit.Database(t), keyset.Set{})
	if box, err := v.Seal(t.Context(), alice, "p", []byte("x")); err == nil {
		t.Errorf("got %v, want an error", box)
	}
}
