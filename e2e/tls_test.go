package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// front puts TLS in front of an address, for clients with a certificate of the authority alone, and gives where.
func (a authority) front(address string) string {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.issue("server"))
	if err != nil {
		a.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12,
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
	temporal := ca.front(os.Getenv("TEMPORAL_ADDRESS"))
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
