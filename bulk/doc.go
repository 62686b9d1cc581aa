// Package bulk keeps operations over many orders: a retry, a rerouting or a cancellation of everything that matched a
// filter at a moment, with the result for each. The matches are written down when an operation begins, so it can be killed,
// suspended and resumed anywhere and each order gets its command once. workflows.Bulk carries operations out.
package bulk
