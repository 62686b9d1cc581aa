package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

// table is who may do what, for people.
func table() string {
	var text strings.Builder
	head := []string{"permission"}
	for _, r := range roles {
		head = append(head, string(r))
	}
	fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, what := range permissions {
		row := []string{"`" + string(what) + "`"}
		for _, r := range roles {
			mark := ""
			if slices.Contains(mayDo[r], what) {
				mark = "yes"
			}
			row = append(row, mark)
		}
		fmt.Fprintf(&text, "| %s |\n", strings.Join(row, " | "))
	}
	return text.String()
}

func TestRoles_TheTableIsAsCommitted_AndInTheDocuments(t *testing.T) {
	t.Parallel()
	golden(t, "testdata/roles.md", []byte(table()))
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), table()) {
		t.Errorf("docs/operations.md has not this table:\n%s", table())
	}
}

// TestAccess_OfEveryOperation_IsAsCommitted makes a new operation fail until somebody has looked at who may call it. The
// end-to-end tests try every line of it.
func TestAccess_OfEveryOperation_IsAsCommitted(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var lines []string
	for path, item := range h.huma.OpenAPI().Paths {
		for method, op := range operationsOf(item) {
			who := "everybody"
			switch {
			case len(op.Security) == 0 && !openRoutes[ginPath(path)]:
				t.Errorf("%s %s says that it is open and is not", method, path)
			case len(op.Security) > 0 && openRoutes[ginPath(path)]:
				t.Errorf("%s %s is open and does not say so", method, path)
			case len(op.Security) > 0 && len(op.Security[0]["key"]) == 0:
				who = "authenticated"
			case len(op.Security) > 0:
				what := permission(op.Security[0]["key"][0])
				who = string(what) + ":"
				for _, r := range roles {
					if slices.Contains(mayDo[r], what) {
						who += " " + string(r)
					}
				}
			}
			lines = append(lines, fmt.Sprintf("%s %s %s\n", path, method, who))
		}
	}
	slices.Sort(lines)
	golden(t, "testdata/access.txt", []byte(strings.Join(lines, "")))
}

func TestSchemas_NameAllRolesAndScopes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	fields := h.huma.OpenAPI().Components.Schemas.Map()["KeyRequest"].Properties
	var named []role
	for _, each := range fields["roles"].Items.Enum {
		named = append(named, role(each.(string)))
	}
	var scopes []permission
	for _, each := range fields["scopes"].Items.Enum {
		scopes = append(scopes, permission(each.(string)))
	}
	if !slices.Equal(named, roles) || !slices.Equal(scopes, permissions) {
		t.Errorf("a key can be asked for with the roles %v and the scopes %v; there are %v and %v", named, scopes, roles, permissions)
	}
}

func TestPrincipal_ScopesOnlyEverNarrow(t *testing.T) {
	t.Parallel()
	who := &principal{roles: []string{"integrator", "unheard-of"}, scopes: []string{"read", "refund"}}
	if got := who.granted(); !slices.Equal(got, []permission{mayRead}) {
		t.Errorf("may %v, want to read only", got)
	}
	boss := &principal{roles: []string{"admin"}}
	if !boss.covers(who) || who.covers(boss) || !who.covers(who) {
		t.Error("who covers whom is wrong")
	}
	if kind := who.actor().Type; kind != "operator" {
		t.Errorf("a principal with more than one role is a %s", kind)
	}
}

func TestEvents_SayWhoWithWhichRolesAndWhy(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	h.key = h.newKey(t, "acme", "support", "warehouse")
	wantStatus(t, h.post(t, "/v1/orders/ord_1/hold", "k1", `{"code": "manual", "reason": "wait for the customer"}`), http.StatusOK)
	h.key = h.newKey(t, "acme", "integrator")
	wantStatus(t, h.post(t, "/v1/orders/ord_1/release", "k2", `{"code": "manual", "reason": "they called"}`), http.StatusOK)
	h.key = h.newKey(t, "acme", "admin")
	keys, err := ListKeys(t.Context(), h.pool, "acme")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"operator key:" + keys[0].ID + " [admin] ",
		"operator key:" + keys[1].ID + " [support warehouse] wait for the customer",
		"integrator key:" + keys[2].ID + " [integrator] they called",
	}
	var got []string
	for _, event := range decode[Events](t, h.get(t, "/v1/orders/ord_1/events")).Events {
		var metadata struct {
			Actor  order.Actor `json:"actor"`
			Reason string      `json:"reason"`
		}
		if err := json.Unmarshal(event.Metadata, &metadata); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(metadata.Actor.Type, " ", metadata.Actor.ID, " ", metadata.Actor.Roles, " ", metadata.Reason))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who did what (-want +got):\n%s", diff)
	}
}

func TestFraudReview_IsNotTheIntegratorsToEnd(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	body := `{"code": "fraud_review", "reason": "x"}`
	wantStatus(t, h.post(t, "/v1/orders/ord_1/hold", "k1", body), http.StatusOK)
	judge := h.key
	for _, r := range []role{integrator, support} {
		h.key = h.newKey(t, "acme", string(r))
		wantProblem(t, h.post(t, "/v1/orders/ord_1/release", "k2", body), codeForbidden)
	}
	h.key = judge
	wantStatus(t, h.post(t, "/v1/orders/ord_1/release", "k2", body), http.StatusOK)
}
