package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"orderly/devstack/internal/port"
	"orderly/devstack/internal/postgres"
)

// forgetLeftovers clears the addresses of servers that the last run on this data directory had and that are gone: whoever
// sourced what that run wrote, and starts the next one, means the next one's servers.
func (s *stack) forgetLeftovers() {
	if s.options.ephemeral {
		return
	}
	if database, err := url.Parse(s.databaseURL); err == nil && gone(database.Host, postgres.LastPort(s.options.data)) {
		fmt.Fprintf(os.Stderr, "%s is of an earlier run that has ended: not used\n", databaseVariable)
		s.databaseURL = ""
	}
	if gone(s.temporalAddress, s.options.temporalPort) {
		fmt.Fprintf(os.Stderr, "%s is of an earlier run that has ended: not used\n", temporalVariable)
		s.temporalAddress, s.uiURL = "", ""
	}
}

// gone says whether an address is that of a port of ours on which nobody listens.
func gone(address string, ours int) bool {
	host, text, err := net.SplitHostPort(address)
	number, numberErr := strconv.Atoi(text)
	return err == nil && numberErr == nil && host == port.Host && number == ours && ours != 0 && port.IsFree(ours)
}
