package datagram

import (
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/plural"
)

// A truncate cuts packets.
type truncate struct {
	direct
	size int
}

func (t *truncate) strikePacket(w *stage, p packet, at time.Time, next pass) {
	if len(p.data) > t.size {
		w.reportStruck(p, fmt.Sprintf("datagram %d cut from %d to %s", p.number, len(p.data), plural.Count(t.size, "byte")))
		p.data = p.data[:t.size]
	}
	next(p, at)
}

// A corrupt flips bits.
type corrupt struct {
	direct
	bits   int
	offset int // -1: anywhere
}

func (c *corrupt) strikePacket(w *stage, p packet, at time.Time, next pass) {
	first, size := 0, len(p.data)*8
	if c.offset >= 0 {
		first, size = c.offset*8, 8
	}
	if first+size > len(p.data)*8 || size == 0 { // the byte is not there
		next(p, at)
		return
	}
	bits := min(c.bits, size)
	for i, bit := range w.chooseDistinct(bits, size) {
		place := (first + bit) / 8
		p.data[place] ^= 1 << ((first + bit) % 8)
		if i == 0 {
			w.reportStruck(p, fmt.Sprintf("datagram %d (%s): %s flipped, one in byte %d", p.number, plural.Count(len(p.data), "byte"), plural.Count(bits, "bit"), place))
		}
	}
	next(p, at)
}

// chooseDistinct returns k different numbers below n: Floyd's algorithm.
func (s *stage) chooseDistinct(k, n int) []int {
	chosen := make([]int, 0, k)
	seen := make(map[int]bool, k)
	for top := n - k; top < n; top++ {
		pick := s.chance.IntN(top + 1)
		if seen[pick] {
			pick = top
		}
		seen[pick] = true
		chosen = append(chosen, pick)
	}
	return chosen
}
