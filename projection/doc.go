// Package projection carries the feed of events into read models, each event with an effect exactly once.
//
// The idea: a batch of events, what it changes in the read model, and the checkpoint that says how far the projection has come
// are written in one transaction. Whatever is killed, at any moment, either all of a batch is there or none of it,
// and the next one begins where the checkpoint stands. Two who believe to run the same shard cannot both move it:
// each takeover raises the fence in the checkpoint's row, and a batch that was begun under an older fence finds no row
// to update, is rolled back, and ends its runner with [ErrFenced].
//
// A [Projection] is a name, a version and a function that applies a batch within the transaction. A [Runner] drives it:
// it reads the feed, sizes the batches by how they go, and sleeps until somebody announces new events.
//
// One event that cannot be applied does not stop all the others. Its batch is halved until the event stands alone; it is tried
// a few times more and then parked as a dead letter, and so are all later events of its order, which make no sense
// without it. What is wrong with more than one event is not parked: an outage of the database, a missing table, or a
// version that is skipped ([GapError]) ends the runner with an error, and the checkpoint stays where it is.
package projection
