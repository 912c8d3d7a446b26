// Package seed is the one source of randomness: a seed that is split by name,
// so that a run replays from its seed and no two users of chance disturb each
// other's sequence.
//
//	source := seed.New(7).SplitBy("kv").SplitN(3) // the third connection of target kv
//	delay := source.NewRand().IntN(100)            // the same in each run with seed 7
package seed

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// A Source is a seed with a path of names below it. It holds no state: the same
// path always gives the same generator. The zero Source is seed 0.
type Source struct {
	key [32]byte
}

// New returns the source of a seed.
func New(seed int64) Source {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(seed))
	return Source{key: sha256.Sum256(b[:])}
}

// SplitBy returns the source below s with the given name.
func (s Source) SplitBy(name string) Source {
	return Source{key: sha256.Sum256(append(s.key[:], name...))}
}

// SplitN returns the source below s with the given number, such as that of a
// connection.
func (s Source) SplitN(n uint64) Source {
	return Source{key: sha256.Sum256(binary.BigEndian.AppendUint64(append(s.key[:], 0), n))}
}

// NewRand returns a new generator at the start of the source's sequence. It is not
// safe for concurrent use.
func (s Source) NewRand() *rand.Rand { return rand.New(rand.NewChaCha8(s.key)) }
