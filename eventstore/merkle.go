package eventstore

import "crypto/sha256"

// merkleTree computes the Merkle tree hash of RFC 6962, section 2.1, over leaves that come one after the other. It keeps one
// hash for each bit of their number: the roots of the full subtrees so far, the largest first.
type merkleTree struct {
	leaves   int
	subtrees [][]byte
}

// add appends a leaf. Two subtrees of one size become one of twice the size, as in counting in binary.
func (t *merkleTree) add(leaf []byte) {
	hash := leafHash(leaf)
	for n := t.leaves; n&1 == 1; n >>= 1 {
		last := len(t.subtrees) - 1
		hash = nodeHash(t.subtrees[last], hash)
		t.subtrees = t.subtrees[:last]
	}
	t.subtrees = append(t.subtrees, hash)
	t.leaves++
}

// root is the hash of the tree over all leaves so far; that of no leaves is the hash of nothing.
func (t *merkleTree) root() []byte {
	if t.leaves == 0 {
		return sha256.New().Sum(nil)
	}
	last := len(t.subtrees) - 1
	root := t.subtrees[last]
	for i := last - 1; i >= 0; i-- {
		root = nodeHash(t.subtrees[i], root)
	}
	return root
}

// The first byte tells leaves from nodes, so that no node can be passed off as a leaf.
func leafHash(leaf []byte) []byte        { return sum(0, leaf) }
func nodeHash(left, right []byte) []byte { return sum(1, left, right) }

func sum(kind byte, parts ...[]byte) []byte {
	hash := sha256.New()
	hash.Write([]byte{kind})
	for _, part := range parts {
		hash.Write(part)
	}
	return hash.Sum(nil)
}
