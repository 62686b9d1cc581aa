package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"orderly/devstack/internal/port"
)

func TestForgetLeftovers(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", port.Address(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	served := listener.Addr().(*net.TCPAddr).Port
	free, err := port.Free(2)
	if err != nil {
		t.Fatal(err)
	}
	database := func(address string) string { return "postgres://orderly@" + address + "/orderly" }
	tests := map[string]struct {
		last      int // the port of the data directory's last Postgres
		database  string
		temporal  string
		ephemeral bool
		// keep says what is still used.
		keepDatabase, keepTemporal bool
	}{
		"of an earlier run, gone":        {free[0], database(port.Address(free[0])), port.Address(free[1]), false, false, false},
		"of a run that is there":         {served, database(port.Address(served)), port.Address(free[1]), false, true, false},
		"somebody else's, not there yet": {served, database(port.Address(free[0])), "10.1.2.3:" + strconv.Itoa(free[1]), false, true, true},
		"on another machine":             {free[0], database("db.example:" + strconv.Itoa(free[0])), "", false, true, false},
		"an ephemeral stack":             {free[0], database(port.Address(free[0])), port.Address(free[1]), true, true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "postgres.port"), []byte(strconv.Itoa(tt.last)), 0o600); err != nil {
				t.Fatal(err)
			}
			s := &stack{
				databaseURL: tt.database, temporalAddress: tt.temporal,
				options: options{data: dir, ephemeral: tt.ephemeral, temporalPort: free[1]},
			}
			s.forgetLeftovers()
			if (s.databaseURL != "") != tt.keepDatabase || (s.temporalAddress != "") != tt.keepTemporal {
				t.Errorf("kept database %q, Temporal %q", s.databaseURL, s.temporalAddress)
			}
		})
	}
}
