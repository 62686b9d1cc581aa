// Package journal keeps the orders: it joins the rules of package order with the event store, and is the only code
// that writes events.
//
// [Journal.Apply] is its one idea: load the order, let the rules decide, append the events with the expected version.
// Nothing is locked in between. When another writer was faster, the order is loaded again and the rules decide
// again, a bounded number of times, with jitter. Every event carries the id of its command, and the fold of the
// stream knows all of them: so a command that is sent again, after a crash, a time-out or a lost answer, is found
// applied and has the result of the first time. That, and not any lock or cache, makes commands exactly-once.
package journal
