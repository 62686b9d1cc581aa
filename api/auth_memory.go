package api

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// rememberFor is how long a credential, known or unknown, is remembered without looking it up.
	rememberFor = 5 * time.Second
	// maxRemembered bounds the memory that guessed credentials can take.
	maxRemembered = 10_000
)

// found is whom a credential stands for: nobody when it is not valid. It stops being valid at until, when that is not zero.
type found struct {
	who   *principal
	until time.Time
}

// memory finds out whom credentials stand for, and remembers for a moment what it found.
type memory struct {
	look func(ctx context.Context, credential string) (found, error)

	mu    sync.Mutex
	known map[[sha256.Size]byte]found
}

func newMemory(look func(context.Context, string) (found, error)) *memory {
	return &memory{look: look, known: map[[sha256.Size]byte]found{}}
}

// find is the principal of a credential, nil when it is not valid.
func (m *memory) find(ctx context.Context, credential string) (*principal, error) {
	hash := hashOf(credential)
	if who, ok := m.recall(hash, time.Now()); ok {
		return who, nil
	}
	f, err := m.look(ctx, credential)
	if err != nil {
		return nil, err
	}
	m.remember(hash, f, time.Now())
	return f.who, nil
}

func (m *memory) recall(hash [sha256.Size]byte, now time.Time) (*principal, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.known[hash]
	return f.who, ok && now.Before(f.until)
}

func (m *memory) remember(hash [sha256.Size]byte, f found, now time.Time) {
	if most := now.Add(rememberFor); f.until.IsZero() || f.until.After(most) {
		f.until = most
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= maxRemembered {
		clear(m.known)
	}
	m.known[hash] = f
}

// forget makes a change of this process's own take effect at once.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.known)
}
