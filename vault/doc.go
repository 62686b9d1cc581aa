// Package vault keeps the keys of customers, with which their personal data is encrypted, and forgets them on demand.
//
// Its one idea is crypto-shredding. Events are never changed, so what must be erasable is stored only as ciphertext, under a
// key that belongs to one customer. [Vault.Erase] deletes that key, and with it the meaning of every copy of the data: in events,
// snapshots, read models, archives and workflow histories. Sums, hashes and chains are over the ciphertext and stay whole.
//
// Keys are random, 256 bits, and lie in the table customer_keys, wrapped by a master key that only the configuration knows
// ([orderly/internal/keyset]). Both layers are AES-256-GCM with random nonces (NIST SP 800-38D); the associated data binds a wrapped key
// to its customer, and a box to its customer and to what it was sealed for, so that neither can be moved elsewhere.
// Keys are not cached: an erasure takes effect at once in every process.
package vault
