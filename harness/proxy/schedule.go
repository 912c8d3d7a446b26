package proxy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"

	"github.com/sockharness/harness/toxics"
)

// fingerprinted is how many connections a fingerprint looks at, and how many random
// numbers of each toxic on them.
const fingerprinted = 16

// Fingerprint identifies the random choices that proxies with this seed and these toxics
// make: which connections have a toxic, and what it does at which stream offset. It does
// not depend on how a stream is cut into reads. Two configurations with one
// fingerprint make the same choices, on connections of the same number. Toxics
// are told apart by name and direction; their attributes are not looked at.
func (c Config) Fingerprint() string {
	sum := sha256.New()
	for _, t := range c.withDefaults().Toxics {
		_, _ = io.WriteString(sum, t.Name+"\x00"+t.Direction.String()+"\x00") // a hash takes everything
		for number := uint64(1); number <= fingerprinted; number++ {
			s := session{proxy: &Proxy{cfg: c}, number: number}
			_ = binary.Write(sum, binary.BigEndian, s.isSelected(t))
			hashDraws(sum, s.drawsOf(t))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// drawsOf returns the generator that a toxic has on the connection.
func (s *session) drawsOf(t Toxic) *rand.Rand {
	if t.Seed != nil {
		return t.Seed.SplitN(s.number).SplitBy(t.Direction.String()).NewRand()
	}
	return s.toxicRand(t.Name)
}

func hashDraws(to io.Writer, chance *rand.Rand) {
	for range fingerprinted {
		_ = binary.Write(to, binary.BigEndian, chance.Uint64())
	}
}

// FingerprintSpecs is [Config.Fingerprint] of toxics that were made, with their
// attributes, triggers and connections.
func (c Config) FingerprintSpecs(made []toxics.Toxic) string {
	sum := sha256.New()
	c.Toxics = nil
	for _, m := range made {
		_, _ = io.WriteString(sum, m.String()+"\n")
		c.Toxics = append(c.Toxics, FromToxic(m)...)
	}
	_, _ = io.WriteString(sum, c.Fingerprint())
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
