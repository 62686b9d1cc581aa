package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// network is the connections of the services, each through a proxy that can spoil it.
type network struct {
	server  *toxiproxy.ApiServer
	proxies map[string]*toxiproxy.Proxy

	mu sync.Mutex
	// cuts is how many faults have each connection cut at the moment.
	cuts map[string]int
}

func newNetwork() *network {
	quiet := zerolog.Nop()
	return &network{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), quiet), proxies: map[string]*toxiproxy.Proxy{}, cuts: map[string]int{}}
}

// through opens a way to an address and gives the address to use instead.
func (n *network) through(name, upstream string) (string, error) {
	proxy := toxiproxy.NewProxy(n.server, name, "127.0.0.1:0", upstream)
	if err := proxy.Start(); err != nil {
		return "", fmt.Errorf("open a way to %s: %w", name, err)
	}
	n.proxies[name] = proxy
	return proxy.Listen, nil
}

// spoil puts a toxic on a connection, both ways, and gives what takes it away again.
func (n *network) spoil(name, kind string, attributes map[string]int) (heal func(), err error) {
	proxy := n.proxies[name]
	heal = func() { proxy.Toxics.ResetToxics(context.Background()) }
	for _, stream := range []string{"upstream", "downstream"} {
		toxic, err := json.Marshal(map[string]any{"type": kind, "stream": stream, "attributes": attributes})
		if err != nil {
			return nil, fmt.Errorf("spoil %s: %w", name, err)
		}
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(string(toxic))); err != nil {
			heal()
			return nil, fmt.Errorf("spoil %s by %s: %w", name, kind, err)
		}
	}
	return heal, nil
}

// cut ends all connections and lets no new one in, until it is healed as often as it was cut.
func (n *network) cut(name string) (heal func() error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	proxy := n.proxies[name]
	n.cuts[name]++
	proxy.Stop()
	return func() error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.cuts[name]--; n.cuts[name] > 0 {
			return nil
		}
		return proxy.Start()
	}
}

func (n *network) close() {
	for _, proxy := range n.proxies {
		proxy.Stop()
	}
}
