package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrForbiddenAddress is returned for a connection to an address that is not public.
var ErrForbiddenAddress = errors.New("the address is not a public one")

// notPublic are the networks that are not for everybody: this host, private ones, link-local ones with the metadata
// services of clouds, carriers' NAT, documentation, benchmarks, multicast, and those in which other addresses
// can be hidden. Source: the special-purpose registries of IANA (RFC 6890).
var notPublic = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// publicIPv6 is all of IPv6 that is routed at all.
var publicIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(all ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(all))
	for i, each := range all {
		parsed[i] = netip.MustParsePrefix(each)
	}
	return parsed
}

// isPublic says whether an address is one that anybody could reach. An IPv4 address in IPv6 notation is that IPv4 address.
func isPublic(address netip.Addr) bool {
	address = address.Unmap()
	if address.Zone() != "" || address.Is6() && !publicIPv6.Contains(address) {
		return false
	}
	for _, network := range notPublic {
		if network.Contains(address) {
			return false
		}
	}
	return address.IsValid()
}

// ClientOptions are what a client of endpoints is made of.
type ClientOptions struct {
	// Timeout bounds a whole attempt.
	Timeout time.Duration
	// AllowPrivate allows every address: for development, where receivers are on the same machine.
	AllowPrivate bool
	// Resolver resolves names; the system's when nil.
	Resolver *net.Resolver
}

// NewClient makes a client for URLs that strangers chose. Addresses are checked when a connection is made, after
// resolution: a name that resolves to something else than before is checked again. Redirects are answers, proxies are not used.
func NewClient(options ClientOptions) *http.Client {
	dialer := &net.Dialer{Timeout: options.Timeout, Resolver: options.Resolver}
	if !options.AllowPrivate {
		dialer.ControlContext = refusePrivate
	}
	return &http.Client{
		Timeout: options.Timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: options.Timeout,
			MaxResponseHeaderBytes: 16 << 10, MaxIdleConns: 100, MaxIdleConnsPerHost: deliverAtOnce, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// refusePrivate stands before each connect(2), with the address that it is to.
func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address %s: %w", address, err)
	}
	if !isPublic(target.Addr()) {
		return fmt.Errorf("%s: %w", target.Addr(), ErrForbiddenAddress)
	}
	return nil
}
