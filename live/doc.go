// Package live tells clients what happens to orders, as it happens. Each process reads the end of the feed once for all of
// them: one listening connection, one query for a page of events, each event encoded once. A client that begins further
// back reads the feed itself until it has come up to that end, and then goes along with it.
//
// Every client gets each event that it asked for exactly once, in the order of the feed, for as long as it reads fast
// enough. One that does not is cut off, so that it costs no memory and holds up nobody; it comes again with the place
// of the last event that it has.
package live
