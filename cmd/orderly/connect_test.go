package main

import (
	"net"
	"strings"
	"testing"

	"go.uber.org/zap"

	"orderly/internal/config"
)

// peer is an address where every connection is handed to a function.
func peer(t *testing.T, meet func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			meet(conn)
		}
	}()
	return listener.Addr().String()
}

func TestMayCome_TellsWhatWaitingMends(t *testing.T) {
	t.Parallel()
	silent := peer(t, func(conn net.Conn) { t.Cleanup(func() { _ = conn.Close() }) })
	hangsUp := peer(t, func(conn net.Conn) { _ = conn.Close() })
	noTLS := peer(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 8))
		_, _ = conn.Write([]byte("N"))
		_ = conn.Close()
	})
	for name, each := range map[string]struct {
		url   string
		waits bool
	}{
		"nobody listens":           {"postgres://x:hunter2@127.0.0.1:1/x", true},
		"the name is not known":    {"postgres://x:hunter2@postgres.invalid/x", true},
		"the connection is closed": {"postgres://x:hunter2@" + hangsUp + "/x?sslmode=disable", true},
		"nobody answers":           {"postgres://x:hunter2@" + silent + "/x?sslmode=disable&connect_timeout=1", true},
		"nobody answers with TLS":  {"postgres://x:hunter2@" + silent + "/x?sslmode=require&connect_timeout=1", true},
		"the server has no TLS":    {"postgres://x:hunter2@" + noTLS + "/x?sslmode=require", false},
		"there is no such root":    {"postgres://x:hunter2@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/nowhere.pem", false},
		"the URL is none":          {"postgres://x:hunter2@127.0.0.1:port/x", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connectDatabase(t.Context(), config.Config{DatabaseURL: each.url})
			if err == nil || mayCome(err) != each.waits {
				t.Errorf("waits: got %v, want %v for %v", mayCome(err), each.waits, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
	if _, err := awaitDatabase(t.Context(), config.Config{}, zap.NewNop()); err == nil {
		t.Error("it waited for a database that nobody names")
	}
}
