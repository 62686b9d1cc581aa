package torture

import (
	"context"
	"math/rand/v2"
	"sync"
)

// load is clients that place and steer orders.
type load struct {
	client *client
	// limit is how many operations there may be; 0 for any number.
	limit int
	// mu guards what follows.
	mu     sync.Mutex
	sent   []Operation
	begun  int
	placed []string
}

// recent is how far back clients steer: what is older has come to its end mostly.
const recent = 120

// next is the next operation of a client; false when there are enough, or nothing to do just now.
func (l *load) next(ctx context.Context, g *generator) (Operation, bool) {
	l.mu.Lock()
	enough := l.limit > 0 && l.begun >= l.limit
	recently := l.placed[max(0, len(l.placed)-recent):]
	l.mu.Unlock()
	if enough {
		return Operation{}, false
	}
	if len(recently) == 0 || chance(g.random, 40) {
		return g.place(), true
	}
	seen, err := l.client.order(ctx, one(g.random, recently...))
	if err != nil { // the API is down, or does not know of it yet: then place one
		return g.place(), true
	}
	return g.steer(seen), true
}

// run keeps a number of clients busy until issuing ends; operations under way are insisted on until ctx ends.
func (l *load) run(ctx, issuing context.Context, seed uint64, clients int) {
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			g := &generator{random: rand.New(rand.NewPCG(seed, uint64(i)+1)), client: i}
			for issuing.Err() == nil {
				op, ok := l.next(issuing, g)
				if !ok {
					return
				}
				l.perform(ctx, op, mannerOf(g.random))
			}
		})
	}
	group.Wait()
}

// perform carries an operation out and keeps what became of it.
func (l *load) perform(ctx context.Context, op Operation, m manner) {
	l.mu.Lock()
	l.begun++
	if op.What == "place" {
		l.placed = append(l.placed, op.OrderID)
	}
	l.mu.Unlock()
	l.client.perform(ctx, &op, m)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, op)
}

// progress is how many operations were begun, and how many were acknowledged.
func (l *load) progress() (begun, acknowledged int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, op := range l.sent {
		if op.Outcome == Acknowledged {
			acknowledged++
		}
	}
	return l.begun, acknowledged
}
