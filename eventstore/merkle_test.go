package eventstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// The leaves and roots by which implementations of RFC 6962 are compared.
var (
	referenceLeaves = []string{
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
	}
	referenceRoots = []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
)

func TestMerkleTree_ReferenceRoots(t *testing.T) {
	t.Parallel()
	var tree merkleTree
	for n, want := range referenceRoots {
		if got := hex.EncodeToString(tree.root()); got != want {
			t.Errorf("root of %d leaves: got %s, want %s", n, got, want)
		}
		if n < len(referenceLeaves) {
			leaf, err := hex.DecodeString(referenceLeaves[n])
			if err != nil {
				t.Fatal(err)
			}
			tree.add(leaf)
		}
	}
}

// definition is section 2.1 of the RFC word for word.
func definition(leaves [][]byte) []byte {
	switch n := len(leaves); n {
	case 0:
		hash := sha256.Sum256(nil)
		return hash[:]
	case 1:
		hash := sha256.Sum256(append([]byte{0}, leaves[0]...))
		return hash[:]
	default:
		k := 1 << (bits.Len(uint(n-1)) - 1) // the largest power of two below n
		hash := sha256.Sum256(append(append([]byte{1}, definition(leaves[:k])...), definition(leaves[k:])...))
		return hash[:]
	}
}

func TestMerkleTree_IsTheDefinition_InLogarithmicMemory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var tree merkleTree
		var leaves [][]byte
		for i := range rapid.IntRange(0, 600).Draw(t, "leaves") {
			leaf := binary.BigEndian.AppendUint32(nil, uint32(i))
			leaves = append(leaves, leaf)
			tree.add(leaf)
			if limit := bits.Len(uint(tree.leaves)); len(tree.subtrees) > limit {
				t.Fatalf("%d leaves take %d hashes, more than %d", tree.leaves, len(tree.subtrees), limit)
			}
		}
		if want := definition(leaves); !bytes.Equal(tree.root(), want) {
			t.Fatalf("%d leaves: got %x, want %x", len(leaves), tree.root(), want)
		}
	})
}
