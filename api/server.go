package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// NewServer makes a server that no slow or silent client can hold on to.
func NewServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		// net/http watches the connection under this deadline while the handler runs, and cancels the request when it
		// passes: so it must be longer than any request takes. Bodies have a deadline of their own.
		ReadTimeout:    requestLimit + 10*time.Second,
		WriteTimeout:   requestLimit + 10*time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
	}
}

// Serve serves until ctx ends, then takes no new requests and waits up to grace for those that are being served. The
// server listens on listener, or on its Addr when that is nil, and speaks TLS when it has a configuration for it.
func Serve(ctx context.Context, server *http.Server, listener net.Listener, grace time.Duration) error {
	if listener == nil {
		var err error
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", server.Addr); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(stopping)
	if err != nil {
		_ = server.Close()
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("stop serving HTTP: %w", err)
	}
	return nil
}
