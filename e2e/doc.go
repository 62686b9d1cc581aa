// Package e2e tests Orderly as its users meet it: processes of the real binary over real HTTP, Postgres and Temporal,
// and the simulator's ledgers as the witness of what really happened.
package e2e
