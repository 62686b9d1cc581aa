// Package port finds TCP ports on the loopback interface.
//
// A port that is free now can be taken a moment later, so nothing here reserves one. Callers start their server right
// away and report a lost race as any other failure to listen.
package port

import (
	"fmt"
	"net"
	"strconv"
)

// Host is the only interface that the stack listens on. Nothing in it asks for a password.
const Host = "127.0.0.1"

// Address returns the loopback address of a port.
func Address(port int) string {
	return net.JoinHostPort(Host, strconv.Itoa(port))
}

// IsFree says whether a server could listen on the port now.
func IsFree(port int) bool {
	listener, err := net.Listen("tcp", Address(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// Free returns n different ports that the system has free now.
func Free(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		// All listeners stay open until the last port is known: the system does not hand out one of them twice.
		listener, err := net.Listen("tcp", Address(0))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = listener.Close() }()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// FreeFrom returns the first free port at or after start, looking at a hundred of them.
func FreeFrom(start int) (int, error) {
	for candidate := start; candidate < start+100; candidate++ {
		if IsFree(candidate) {
			return candidate, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d on %s", start, start+99, Host)
}
