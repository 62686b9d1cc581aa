package webhooks

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "93.184.216.34": true, "172.15.255.255": true, "172.32.0.1": true, "100.63.255.255": true, "2606:4700::1111": true,
		"127.0.0.1": false, "127.255.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false, "192.0.0.192": false, "198.18.0.1": false,
		"192.0.2.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:8.8.8.8": true,
		"::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2001::1": false, "2001:db8::1": false,
		"fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false, "100::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for url, fine := range map[string]bool{
		"https://shop.example.com/hook": true, "https://8.8.8.8/": true, "https://[2606:4700::1111]:8443/x?y=z": true,
		"http://shop.example.com/": false, "ftp://shop.example.com/": false, "https://": false, "https:shop.example.com": false, "/hook": false, "": false,
		"https://user:secret@shop.example.com/": false, "https://shop.example.com/#top": false,
		"https://127.0.0.1/": false, "https://[::1]/": false, "https://[::ffff:10.0.0.1]/": false, "https://169.254.169.254/latest/meta-data": false,
	} {
		if err := CheckURL(url, false); (err == nil) != fine {
			t.Errorf("%s: got %v, want it to be fine: %v", url, err, fine)
		}
	}
	for _, url := range []string{"http://127.0.0.1:9000/", "https://localhost/"} {
		if err := CheckURL(url, true); err != nil {
			t.Errorf("%s for development: %v", url, err)
		}
	}
}

// receiver counts the requests that get through to a local address.
func receiver(t *testing.T) (port string, count *atomic.Int64) {
	t.Helper()
	count = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { count.Add(1) }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return port, count
}

// A name whose owner lets it resolve to a private address, once the endpoint was made, is caught at the connection.
func TestClient_NameThatResolvesToAPrivateAddress_IsNotReached(t *testing.T) {
	t.Parallel()
	port, reached := receiver(t)
	resolver := resolverTo(t, [4]byte{127, 0, 0, 1})
	for _, allowed := range []bool{true, false} {
		client := NewClient(ClientOptions{Timeout: 10 * time.Second, AllowPrivate: allowed, Resolver: resolver})
		err := ask(t, client, "http://rebound.example:"+port)
		if allowed && (err != nil || reached.Load() != 1) {
			t.Fatalf("with the allowance: %v, %d requests", err, reached.Load())
		}
		if !allowed && !errors.Is(err, ErrForbiddenAddress) {
			t.Errorf("without the allowance: got %v, want %v", err, ErrForbiddenAddress)
		}
	}
	if reached.Load() != 1 {
		t.Errorf("%d requests, want one", reached.Load())
	}
}

func TestClient_PrivateAddressInManySpellings_IsNotReached(t *testing.T) {
	t.Parallel()
	port, reached := receiver(t)
	client := NewClient(ClientOptions{Timeout: 10 * time.Second})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]"} {
		if err := ask(t, client, "http://"+host+":"+port); err == nil {
			t.Errorf("%s was reached", host)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests, want none", reached.Load())
	}
}

func ask(t *testing.T, client *http.Client, url string) error {
	t.Helper()
	response, err := client.Get(url)
	if err == nil {
		_ = response.Body.Close()
	}
	return err
}

// resolverTo is a resolver for which all names have one address: it asks a DNS server of the test's own.
func resolverTo(t *testing.T, address [4]byte) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(answerTo(buffer[:n], address), from)
		}
	}()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func answerTo(query []byte, address [4]byte) []byte {
	var message dnsmessage.Message
	if message.Unpack(query) != nil || len(message.Questions) == 0 {
		return nil
	}
	question := message.Questions[0]
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: message.ID, Response: true}, Questions: message.Questions[:1]}
	if question.Type == dnsmessage.TypeA {
		answer.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}, Body: &dnsmessage.AResource{A: address},
		}}
	}
	packed, _ := answer.Pack() // an empty answer makes the test fail
	return packed
}
