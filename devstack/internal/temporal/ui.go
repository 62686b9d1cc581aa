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

// StartUI serves the Web UI of the server at address. Its pages have payloads decrypted at codec, with the cookies that the
// browser has for it, when that is not empty.
func StartUI(ctx context.Context, number int, address, namespace, codec string) (*UI, error) {
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
			Codec:               config.Codec{Endpoint: codec, IncludeCredentials: codec != ""},
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
