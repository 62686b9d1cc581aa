// Package webhooks tells integrators of events, by Standard Webhooks (https://www.standardwebhooks.com): each event of a
// tenant's orders goes to each of the tenant's endpoints that wants its type, at least once, and the events of one
// order in their order.
//
// The idea is a queue in Postgres between two that cannot lose anything. The [Store.Projection] follows the feed and writes
// a row for each event and endpoint, in the transaction of its checkpoint: exactly once. A [Deliverer] takes the rows
// of an endpoint: of each order the oldest that is pending, and never another one of the order before that has ended. Taking a row moves
// its next try ahead by more than an attempt may take. So whoever dies with a row in hand leaves one that is due again, and no
// two deliver the same order at once.
//
// An attempt that fails is repeated with growing pauses, other orders go on meanwhile. After [Policy.GiveUpAfter] the row is a dead
// letter, the order's next event gets its turn, and an operator may have it replayed. An endpoint that answers 410 is
// disabled.
//
// What is sent may come from anybody with a key, so where it is sent is not trusted: [NewClient] makes a client that
// connects to public addresses only, whatever a name resolves to at the moment of the connection.
package webhooks
