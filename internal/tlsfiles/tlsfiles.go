// Package tlsfiles makes TLS configurations out of PEM files. A server's follows its files: a certificate that is replaced on
// disk is used from the next connection on, without a restart, and when the new files do not fit together the old certificate
// stays.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Server says where the files of a server are.
type Server struct {
	// Cert and Key are needed: the certificate with those that lead to its root, and its key.
	Cert, Key string
	// ClientCA has the roots of the certificates that clients must show; none are asked for when it is empty.
	ClientCA string
	// Failed is told when files that were replaced cannot be read.
	Failed func(error)
}

// Config is for a server, of TLS 1.2 or later. It refuses files that are not right at the start.
func (s Server) Config() (*tls.Config, error) {
	files := &files{server: s}
	if _, err := files.current(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return files.current() },
	}, nil
}

// Client trusts the roots in a file, beside those of the system. It trusts only the latter when the file's name is empty.
func Client(rootsFile string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if rootsFile == "" {
		return config, nil
	}
	system, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the certificates of the system: %w", err)
	}
	config.RootCAs, err = addRoots(system, rootsFile)
	return config, err
}

func addRoots(pool *x509.CertPool, path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read certificates: %s holds none", path)
	}
	return pool, nil
}

// files is what was read last, and when it was written.
type files struct {
	server Server

	mu      sync.Mutex
	written [3]time.Time
	config  *tls.Config
}

// current is the configuration of the files as they are now, or as they were when they last were right.
func (f *files) current() (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	written, err := f.server.written()
	if err == nil && f.config != nil && written == f.written {
		return f.config, nil
	}
	var config *tls.Config
	if err == nil {
		config, err = f.server.read()
	}
	if err == nil {
		f.config, f.written = config, written
		return config, nil
	}
	if f.config == nil {
		return nil, err
	}
	if f.server.Failed != nil {
		f.server.Failed(err)
	}
	return f.config, nil
}

func (s Server) written() (times [3]time.Time, err error) {
	for i, path := range []string{s.Cert, s.Key, s.ClientCA} {
		if path == "" {
			continue
		}
		info, statErr := os.Stat(path)
		if statErr != nil {
			err = errors.Join(err, statErr)
			continue
		}
		times[i] = info.ModTime()
	}
	return times, err
}

func (s Server) read() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{certificate},
	}
	if s.ClientCA != "" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs, err = addRoots(x509.NewCertPool(), s.ClientCA)
	}
	return config, err
}
