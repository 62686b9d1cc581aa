// Package bench measures Orderly against the floor of the machine it runs on: each figure stands beside a baseline that
// is measured in the same run, on the same servers, in turns, so that the ratio means something on any machine.
package bench
