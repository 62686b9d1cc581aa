package tlsfiles_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"orderly/internal/tlsfiles"
)

// authority signs certificates in a directory of its own.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{t: t, dir: t.TempDir(), key: key}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.write("ca.pem", "CERTIFICATE", a.sign(a.cert, key))
	return a
}

func (a authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func (a authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

func (a authority) roots() string { return filepath.Join(a.dir, "ca.pem") }

// issue writes a certificate for this machine with a serial number, and its key.
func (a authority) issue(serial int64) (cert, key string) {
	a.t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		a.t.Fatal(err)
	}
	cert = a.write("cert.pem", "CERTIFICATE", a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, secret))
	return cert, a.write("key.pem", "EC PRIVATE KEY", der)
}

func serve(t *testing.T, files tlsfiles.Server) string {
	t.Helper()
	config, err := files.Config()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Listener = tls.NewListener(server.Listener, config)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// greet connects and gives the serial number of the server's certificate.
func greet(addr, roots string, change func(*tls.Config)) (int64, error) {
	config, err := tlsfiles.Client(roots)
	if err != nil {
		return 0, err
	}
	if change != nil {
		change(config)
	}
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	request, _ := http.NewRequest(http.MethodGet, "https://"+addr+"/", nil)
	// A server that refuses the client's certificate says so only after the client's handshake.
	response, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0, err
	}
	_ = response.Body.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}

func TestServer_UsesACertificateThatIsReplaced_AndKeepsTheOldOneWhenItIsBroken(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.issue(7)
	var failed atomic.Int64
	addr := serve(t, tlsfiles.Server{Cert: cert, Key: key, Failed: func(error) { failed.Add(1) }})
	if serial, err := greet(addr, ca.roots(), nil); err != nil || serial != 7 {
		t.Fatalf("certificate %d, %v", serial, err)
	}
	touch := func(ahead time.Duration) {
		for _, path := range []string{cert, key} {
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(ahead)); err != nil {
				t.Fatal(err)
			}
		}
	}
	ca.issue(8)
	touch(time.Second)
	if serial, err := greet(addr, ca.roots(), nil); err != nil || serial != 8 || failed.Load() != 0 {
		t.Errorf("after the replacement: certificate %d, %v", serial, err)
	}
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(2 * time.Second)
	if serial, err := greet(addr, ca.roots(), nil); err != nil || serial != 8 || failed.Load() == 0 {
		t.Errorf("with a broken key: certificate %d, %v, told %d times", serial, err, failed.Load())
	}
}

func TestServer_RefusesOldTLS_AndUnknownClients(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	cert, key := ca.issue(1)
	addr := serve(t, tlsfiles.Server{Cert: cert, Key: key, ClientCA: ca.roots()})
	showing := func(from authority) func(*tls.Config) {
		cert, key := from.issue(2)
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return func(c *tls.Config) { c.Certificates = []tls.Certificate{pair} }
	}
	known, stranger := showing(ca), showing(other)
	if _, err := greet(addr, ca.roots(), known); err != nil {
		t.Errorf("a client with a certificate: %v", err)
	}
	for name, change := range map[string]func(*tls.Config){
		"no certificate": nil, "a stranger's": stranger,
		"TLS 1.1": func(c *tls.Config) { known(c); c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 },
	} {
		if _, err := greet(addr, ca.roots(), change); err == nil {
			t.Errorf("%s: was let in", name)
		}
	}
}

func TestClient_TrustsOnlyTheRootsItWasGiven(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	cert, key := ca.issue(1)
	addr := serve(t, tlsfiles.Server{Cert: cert, Key: key})
	for name, roots := range map[string]string{"of another": other.roots(), "of the system": ""} {
		if _, err := greet(addr, roots, nil); err == nil {
			t.Errorf("roots %s: the server was trusted", name)
		}
	}
	for name, path := range map[string]string{"missing": filepath.Join(ca.dir, "none"), "not PEM": os.Args[0]} {
		if _, err := tlsfiles.Client(path); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := (tlsfiles.Server{Cert: cert, Key: path}).Config(); err == nil {
			t.Errorf("key %s: no error", name)
		}
	}
}
