package toxics

import (
	"math/rand/v2"
	"slices"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// A corruption flips bits and keeps the length.
type corruption struct {
	offsets []int64 // stream offsets of the bytes, ascending; or
	every   int64   // one byte, at a random place, of each so many
	count   int64   // at most so many bytes; 0: no limit
	mask    byte    // the bits to flip; 0: one random bit
}

func (c corruption) startOn(f *flow) tp.Toxic {
	return &corruptPipe{flow: f, corruption: c, chance: f.w.Rand(), block: f.offset, victim: -1}
}

type corruptPipe struct {
	*flow
	corruption
	chance *rand.Rand
	block  int64 // where the next block of every bytes begins
	victim int64 // the next byte to corrupt; below the offset when it has to be chosen
	done   int64 // how many were corrupted
}

func (p *corruptPipe) Pipe(stub *tp.ToxicStub) { p.relayChunks(stub, p.flipBits) }

// flipBits corrupts the victims in c, on a copy: a chunk may share its bytes.
func (p *corruptPipe) flipBits(c *stream.StreamChunk) {
	p.sending = c
	end := p.offset + int64(len(c.Data))
	for from := p.offset; p.chooseVictim(from) && p.victim < end; from = p.victim + 1 {
		if p.sending == c {
			p.sending = &stream.StreamChunk{Data: slices.Clone(c.Data), Timestamp: c.Timestamp}
		}
		mask := p.mask
		if mask == 0 {
			mask = 1 << p.chance.IntN(8)
		}
		at := &p.sending.Data[p.victim-p.offset]
		p.reportStruck(p.victim, "byte %d changed from %#02x to %#02x", p.victim, *at, *at^mask)
		*at ^= mask
		p.done++
	}
}

// chooseVictim makes sure that the victim is at from or beyond; false when there is none.
func (p *corruptPipe) chooseVictim(from int64) bool {
	if p.count > 0 && p.done >= p.count {
		return false
	}
	if p.victim >= from {
		return true
	}
	if p.every > 0 {
		// What another toxic has held was sent on before, and is not corrupted.
		p.block += max(from-p.block, 0) / p.every * p.every
		for p.victim < from {
			p.victim = p.block + p.chance.Int64N(p.every)
			p.block += p.every
		}
		return true
	}
	i, _ := slices.BinarySearch(p.offsets, from)
	if i == len(p.offsets) {
		return false
	}
	p.victim = p.offsets[i]
	return true
}
