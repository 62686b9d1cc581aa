// Package eventstore is an append-only store of events on Postgres. It knows streams, versions and positions, and
// nothing of orders: data and metadata are JSON that it stores and hashes but never reads.
//
// Writing is optimistic. A writer loads a stream, decides outside of any transaction, and appends with the [Head] that it has
// seen; one statement, one round trip. When somebody else appended in between, the primary key (stream, version)
// refuses the rows and [Store.Append] says so with a [*ConflictError]. An append whose acknowledgement was lost can be
// sent again: the rows are recognised by their ids and the first result is given.
//
// Reading all streams in one order is the feed ([Store.ReadFeed]). A sequence number alone would skip events, because
// numbers are taken at insert and become visible at commit. The feed therefore goes by (transaction id, position) and
// ends below the oldest transaction that is still running, so that whatever it has passed can never change. Readers
// poll, and are woken by NOTIFY in between ([Notifier], [Listener]): a lost notification costs time, never an event.
//
// Each event's hash covers the hash of the one before it in its stream, so that history cannot be rewritten unseen;
// [Store.Verify] walks the chain. What a chain cannot show, a stream's end that was cut off or a whole stream that is gone,
// shows against the signed checkpoints that [Store.Checkpoint] makes ([Store.VerifyCheckpoints]). To be hashed after a way through jsonb as before it, data is brought into one canonical
// form: sorted keys, one way to escape, and no numbers but plain integers. The database itself refuses UPDATE, DELETE and TRUNCATE.
package eventstore
