// Package worker puts workflows and activities on their task queues, and prepares the Temporal namespace for them.
//
// Two task queues, two workers: orders with their steps, and projections. They are apart so that an operator can run
// them in processes of their own, and so that long-running projections never take a slot from an order.
package worker
