package postgres

import (
	"strconv"

	"orderly/devstack/internal/port"
)

// settings are given on the command line, so that a change here reaches clusters that exist already.
func settings(options Options, number int) []string {
	values := [][2]string{
		{"listen_addresses", port.Host},
		{"port", strconv.Itoa(number)},
		{"unix_socket_directories", ""}, // one way in, and no limit on the length of the data directory's path

		// Temporal takes up to 120, the product and its tests share the rest.
		{"max_connections", "300"},
		{"shared_buffers", "256MB"},
		{"effective_cache_size", "2GB"},
		{"max_wal_size", "2GB"},
		{"checkpoint_timeout", "15min"},
		{"random_page_cost", "1.1"}, // solid-state disks
		{"jit", "off"},              // every statement here is short: compiling costs more than it gains

		{"timezone", "UTC"},
		{"log_timezone", "UTC"},
		{"log_min_messages", "warning"},
		{"log_line_prefix", "%m [%p] %d "},
		{"logging_collector", "off"},
	}
	if options.NoFsync {
		values = append(values, [][2]string{
			{"fsync", "off"}, {"synchronous_commit", "off"}, {"full_page_writes", "off"},
		}...)
	}
	arguments := make([]string, 0, 2*len(values))
	for _, value := range values {
		arguments = append(arguments, "-c", value[0]+"="+value[1])
	}
	return arguments
}
