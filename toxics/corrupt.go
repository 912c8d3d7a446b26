package toxics

import (
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// A corruption flips bits and keeps the length.
type corruption struct {
	offsets []int64 // stream offsets of the bytes, ascending; or
	every   int64   // one byte, at a random place, of each so many
	count   int64   // At most so many bytes; 0: no limit
	mask    byte    // the bits to flip; 0: one random bit
}

func (c corruption) StartOn(f *engine.Flow) tp.Toxic {
	return &corruptPipe{Flow: f, corruption: c, chance: f.Link.Rand(), block: f.Offset, victim: -1}
}

type corruptPipe struct {
	*engine.Flow
	corruption
	chance *rand.Rand
	block  int64 // where the next block of every bytes begins
	victim int64 // the next byte to corrupt; below the offset when it has to be chosen
	done   int64 // how many were corrupted
}

func (p *corruptPipe) Pipe(stub *tp.ToxicStub) { p.RelayChunks(stub, p.flipBits) }

// flipBits corrupts the victims in c, on a copy: a chunk may share its bytes.
func (p *corruptPipe) flipBits(c *stream.StreamChunk) {
	p.Sending = c
	end := p.Offset + int64(len(c.Data))
	for from := p.Offset; p.chooseVictim(from) && p.victim < end; from = p.victim + 1 {
		if p.Sending == c {
			p.Sending = &stream.StreamChunk{Data: slices.Clone(c.Data), Timestamp: c.Timestamp}
		}
		mask := p.mask
		if mask == 0 {
			mask = 1 << p.chance.IntN(8)
		}
		at := &p.Sending.Data[p.victim-p.Offset]
		p.ReportStruck(p.victim, "byte %d changed from %#02x to %#02x", p.victim, *at, *at^mask)
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

func corruptEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "corrupt",
			Summary: "flips bits and keeps the length",
			Description: "Changes the bytes at the given stream offsets, or one random byte in every `every` bytes; without both, the first byte. " +
				"Random offsets and bits come from the run's seed.",
			Attributes: []spec.Attribute{
				{Name: "offsets", Kind: spec.Ints, Unit: "bytes", Max: spec.MaxSize, Summary: "stream offsets of the bytes to change"},
				{Name: "every", Kind: spec.Bytes, Default: int64(0), Unit: "bytes", Max: 1 << 40, Summary: "change one byte in every block of this many; 0: not used"},
				{Name: "count", Kind: spec.Int, Default: int64(0), Max: spec.MaxSize, Summary: "maximum number of changed bytes; 0: no limit"},
				{Name: "mask", Kind: spec.Int, Default: int64(0), Max: 255, Summary: "the bits to flip; 0: one random bit of each byte"},
			},
			Directions: spec.BothDirections(),
		},
		build: buildCorrupt,
	}
}

func buildCorrupt(s spec.Settings, t *Toxic) error {
	c := corruption{offsets: sortedDistinct(s.Ints("offsets")), every: s.Int("every"), count: s.Int("count"), mask: byte(s.Int("mask"))}
	if len(c.offsets) > 0 && c.every > 0 {
		return errors.New("give offsets or every, got both")
	}
	if len(c.offsets) == 0 && c.every == 0 {
		c.every, c.count = 1, max(c.count, 1)
	}
	t.useBehavior(c)
	return nil
}
