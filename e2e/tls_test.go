package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/internal/testkit"
)

// authority is a certificate authority of a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{t: t, dir: t.TempDir()}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	a.cert = a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, &a.key.PublicKey, nil)
	a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

// sign makes a certificate; it signs itself when there is no parent.
func (a authority) sign(template *x509.Certificate, key *ecdsa.PublicKey, parent *x509.Certificate) *x509.Certificate {
	a.t.Helper()
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "orderly test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func (a authority) write(name, kind string, content []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// roots is the file with the authority's own certificate.
func (a authority) roots() string { return filepath.Join(a.dir, "ca.pem") }

// issue makes a certificate for this machine, and for a client, and gives the files of it and its key.
func (a authority) issue(name string) (cert, key string) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signed := a.sign(&x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, &private.PublicKey, a.cert)
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", signed.Raw), a.write(name+".key", "EC PRIVATE KEY", encoded)
}

// front puts TLS in front of an address that speaks a protocol, for clients who show such a certificate, and gives where.
func (a authority) front(address, protocol string, clients tls.ClientAuthType) string {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.issue("server"))
	if err != nil {
		a.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: clients, NextProtos: []string{protocol}, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			outside, err := listener.Accept()
			if err != nil {
				return
			}
			go forward(outside, address)
		}
	}()
	return listener.Addr().String()
}

func forward(outside net.Conn, address string) {
	inside, err := net.Dial("tcp", address)
	if err != nil {
		_ = outside.Close()
		return
	}
	go func() {
		_, _ = io.Copy(inside, outside)
		_ = inside.Close()
	}()
	_, _ = io.Copy(outside, inside)
	_ = outside.Close()
}

// TestTLS_ToTemporalAndFromClients: an order goes its road with TLS on both sides, and whoever has another root is refused.
func TestTLS_ToTemporalAndFromClients(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	s := shop{testkit.Start(t, nil), t}
	temporal := ca.front(os.Getenv("TEMPORAL_ADDRESS"), "h2", tls.RequireAndVerifyClientCert)
	clientCert, clientKey := ca.issue("client")
	cert, key := ca.issue("api")
	secure := "https://" + strings.TrimPrefix(s.URL, "http://")
	s.Setenv("TEMPORAL_ADDRESS="+temporal, "TEMPORAL_TLS_CLIENT_CERT_PATH="+clientCert, "TEMPORAL_TLS_CLIENT_KEY_PATH="+clientKey,
		"ORDERLY_TLS_CERT_FILE="+cert, "ORDERLY_TLS_KEY_FILE="+key, "ORDERLY_URL="+secure, "ORDERLY_API_KEY="+s.Key, "SSL_CERT_FILE="+ca.roots())

	s.Setenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + other.roots())
	if refused := s.cli(1, "projections", "pause", "orders"); !strings.Contains(refused.stderr, "certificate") {
		t.Errorf("Temporal with a certificate of somebody else: %s", refused.stderr)
	}
	s.Setenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH=" + ca.roots())
	s.StartBeside("--all", "--all")
	s.Await("the API answers with TLS", func() bool { return run(t, s.Command("probe", secure+"/readyz")).status == 0 })
	s.Setenv("ORDERLY_RATE_LIMIT=0")
	if placed := s.cli(0, "load", "--rate", "1", "--duration", "1s", "--output", "json").stdout; !strings.Contains(placed, `"201 Created": 1`) {
		t.Errorf("an order over TLS: %s", placed)
	}
	plain, err := http.Get(s.URL + "/readyz")
	if err == nil {
		_ = plain.Body.Close()
		if plain.StatusCode == http.StatusOK {
			t.Error("the API answers without TLS")
		}
	}
	s.Setenv("SSL_CERT_FILE=" + other.roots())
	if refused := run(t, s.Command("load", "--rate", "1", "--duration", "1s", "--output", "json")); strings.Contains(refused.stdout, "201") {
		t.Errorf("the API with a certificate of somebody else: %s", refused.stdout)
	}
}

// TestTLS_ToPostgres: services with the logins of docs/operations.md reach a Postgres that insists on TLS and passwords when they have
// the right root, and say why when they do not.
func TestTLS_ToPostgres(t *testing.T) {
	t.Parallel()
	const password = "hunter2-of-the-service"
	ca, other, c := newAuthority(t), newAuthority(t), newCluster(t)
	c.do("CREATE ROLE orderly_app NOLOGIN", "CREATE ROLE orderly_owner LOGIN PASSWORD '"+password+"'",
		"CREATE ROLE orderly_service LOGIN PASSWORD '"+password+"' IN ROLE orderly_app", "GRANT pg_read_all_stats TO orderly_app",
		"ALTER DATABASE orderly OWNER TO orderly_owner")
	c.speakTLS(ca.issue("postgres"))
	verified := "sslmode=verify-full&sslrootcert=" + ca.roots()
	s := openIn(t, c.address("orderly_service", password, verified), "ORDERLY_OWNER_URL="+c.address("orderly_owner", password, verified))
	s.StartRole("--all")
	id := s.place(wish{})
	s.until(id, "closed")
	s.awaitReadModels()
	s.cli(0, "doctor")
	c.wantEncrypted("orderly_service")

	for _, each := range []struct{ parameters, words string }{
		{"sslmode=verify-full&sslrootcert=" + other.roots(), "certificate"},
		{"sslmode=verify-full", "certificate"}, // the system does not know the authority
		{"sslmode=verify-full&sslrootcert=/nowhere.pem", "/nowhere.pem"},
		{"sslmode=disable", "no encryption"},
	} {
		s.Setenv("DATABASE_URL=" + c.address("orderly_service", password, each.parameters))
		served, examined := run(t, s.Command("serve", "--worker")), run(t, s.Command("doctor"))
		wantComplaint(t, served, 1, each.words)
		if examined.status != 3 || !strings.Contains(examined.stdout, each.words) || !strings.Contains(examined.stdout, "check DATABASE_URL") {
			t.Errorf("%s: the doctor says %+v", each.parameters, examined)
		}
		if all := served.stdout + served.stderr + examined.stdout + examined.stderr; strings.Contains(all, password) {
			t.Errorf("%s: the password is shown: %s", each.parameters, all)
		}
	}
	s.Setenv("DATABASE_URL=" + s.DatabaseURL) // the test ends with a look at the read models
}

// wantEncrypted looks at all connections of a login.
func (c *cluster) wantEncrypted(login string) {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.url)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close(c.t.Context()) }()
	var encrypted, plain int
	const count = `SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = $1`
	if err := conn.QueryRow(c.t.Context(), count, login).Scan(&encrypted, &plain); err != nil || encrypted == 0 || plain != 0 {
		c.t.Errorf("%s has %d connections with TLS and %d without (%v)", login, encrypted, plain, err)
	}
}

// TestTLS_ToGatewaysIntegratorsAndIdentityProvider: gateways may be of an authority of their own, all others must be of one that the
// process trusts; SSL_CERT_FILE says which those are.
func TestTLS_ToGatewaysIntegratorsAndIdentityProvider(t *testing.T) {
	t.Parallel()
	gateways, ca, other := newAuthority(t), newAuthority(t), newAuthority(t)
	s, r := shop{testkit.Start(t, nil), t}, receiveHooks(t)
	behind := func(a authority, url string) string {
		return "https://" + a.front(strings.TrimPrefix(url, "http://"), "http/1.1", tls.NoClientCert)
	}
	issuer := behind(ca, discoverable(t))
	s.Setenv("ORDERLY_SIMULATOR_URL="+behind(gateways, s.SimulatorURL), "ORDERLY_GATEWAY_CA_FILE="+gateways.roots(), "SSL_CERT_FILE="+ca.roots(),
		"ORDERLY_OIDC_ISSUER="+issuer, "ORDERLY_OIDC_AUDIENCE=orderly", "ORDERLY_OIDC_CLIENT_ID=console",
		"ORDERLY_WEBHOOKS_ALLOW_PRIVATE=true", "ORDERLY_WEBHOOKS_RETRY_FIRST=100ms", "ORDERLY_WEBHOOKS_RETRY_MAX=500ms", "ORDERLY_API_KEY="+s.Key)
	s.StartRole("--all")
	endpoint := s.command(http.StatusCreated, endpoints, `{"url":"`+behind(ca, r.URL)+`","event_types":["OrderCreated"]}`).body["endpoint_id"].(string)
	s.until(s.place(wish{id: "ord_secure"}), "closed")
	s.Await("the webhook", func() bool { return len(r.all()) == 1 })
	login := operation{path: "/session/oidc", method: http.MethodGet}
	if a := (world{shop: s}).try(login, ""); !strings.HasPrefix(a.header.Get("Location"), issuer+"/authorize?") {
		t.Errorf("a login: %d %v %s", a.status, a.header, a.raw)
	}
	s.awaitReadModels()
	s.cli(0, "doctor")

	s.Stop("--all")
	s.Setenv("SSL_CERT_FILE=" + other.roots())
	s.StartRole("--all")
	s.until(s.place(wish{id: "ord_more"}), "closed") // the gateways have their own
	s.Await("the webhook is refused", func() bool {
		return strings.Contains(s.cli(0, "webhooks", "deliveries", endpoint, "--status", "pending").stdout, "certificate signed by unknown authority")
	})
	if a := (world{shop: s}).try(login, ""); a.status != http.StatusServiceUnavailable || a.body["code"] != "identity_unavailable" {
		t.Errorf("a login at a provider of somebody else: %d %s", a.status, a.raw)
	}
	s.Setenv("ORDERLY_GATEWAY_CA_FILE=" + other.roots())
	wantLines(t, s.cli(3, "doctor").stdout, `^BAD +gateways +.*certificate`)
}

// discoverable is an identity provider of which only the description is asked for.
func discoverable(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		issuer := "https://" + request.Host // where the client believes to be
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q,"jwks_uri":%q}`,
			issuer, issuer+"/authorize", issuer+"/token", issuer+"/keys")
	}))
	t.Cleanup(server.Close)
	return server.URL
}
