package temporal

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/temporalio/ui-server/v2/server"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"

	"orderly/devstack/internal/port"
)

// UI is a running Web UI.
type UI struct {
	URL string

	server *server.Server
	ended  chan struct{}
}

// Codec is the server at which pages of the Web UI have payloads decrypted, with the cookies that the browser has for it.
type Codec struct {
	// Endpoint is its address, as http://127.0.0.1:8080/codec; without one, nothing is decrypted.
	Endpoint string
	// LoginURL is where one gets the cookies. Pages that could not have payloads decrypted lead there when it is not empty.
	LoginURL string
}

func (c Codec) config() config.Codec {
	settings := config.Codec{Endpoint: c.Endpoint, IncludeCredentials: c.Endpoint != ""}
	if c.LoginURL != "" {
		settings.DefaultErrorMessage = "What is encrypted is not shown. Log in here with a key that may see it, then load this page again"
		settings.DefaultErrorLink = c.LoginURL
	}
	return settings
}

// StartUI serves the Web UI of the server at address.
func StartUI(ctx context.Context, number int, address, namespace string, codec Codec) (*UI, error) {
	// The UI's server ends the process when it cannot listen.
	if !port.IsFree(number) {
		return nil, fmt.Errorf("port %d is taken: choose another with --ui-port", number)
	}
	ui := &UI{
		URL: "http://" + port.Address(number),
		server: server.NewServer(server_options.WithConfigProvider(&config.Config{
			Host:                port.Host,
			Port:                number,
			TemporalGRPCAddress: address,
			DefaultNamespace:    namespace,
			EnableUI:            true,
			HideLogs:            true,
			DisableNewsFetch:    true,
			Codec:               codec.config(),
			// The cookie against forged requests is for HTTPS only otherwise, and every action would be refused.
			CORS: config.CORS{CookieInsecure: true},
		})),
		ended: make(chan struct{}),
	}
	go func() {
		defer close(ui.ended)
		_ = ui.server.Start()
	}()
	if err := untilDone(ctx, func() error { return dial(number) }); err != nil {
		return nil, err
	}
	return ui, nil
}

func dial(number int) error {
	conn, err := net.DialTimeout("tcp", port.Address(number), time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Stop stops the UI.
func (u *UI) Stop() {
	u.server.Stop()
	<-u.ended
}
