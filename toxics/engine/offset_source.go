package engine

import "math/rand/v2"

// An OffsetSource draws by stream offset: what is decided at an offset is the same
// however the stream was cut, and whatever was decided before.
type OffsetSource struct {
	first, second uint64 // of the toxic on this link
	state         rand.PCG
	chance        *rand.Rand
}

func NewOffsetSource(chance *rand.Rand) *OffsetSource {
	c := &OffsetSource{first: chance.Uint64(), second: chance.Uint64()}
	c.chance = rand.New(&c.state)
	return c
}

// At returns the generator of what is decided at the offset, until the next call.
func (c *OffsetSource) At(offset int64) *rand.Rand {
	c.state.Seed(c.first^mixBits(uint64(offset)), c.second)
	return c.chance
}

// mixBits spreads a number over 64 bits: the finalizer of splitmix64 (Steele, Lea and
// Flood, OOPSLA 2014).
func mixBits(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
