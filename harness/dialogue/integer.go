package dialogue

import (
	"encoding/binary"
	"math"

	"github.com/sockharness/harness/harness/strictyaml"
)

// An integerForm is a way to write a number as bytes, such as {u16: 5}.
type integerForm struct {
	name   string
	size   int // bytes
	little bool
}

func allIntegerForms() []integerForm {
	return []integerForm{{"u8", 1, false}, {"u16", 2, false}, {"u32", 4, false}, {"u64", 8, false},
		{"u16le", 2, true}, {"u32le", 4, true}, {"u64le", 8, true}}
}

func integerForms() []string {
	var names []string
	for _, f := range allIntegerForms() {
		names = append(names, f.name)
	}
	return names
}

// readInteger reads a number of the named form. A negative one is written in two's
// complement.
func (r Reader) readInteger(name string, n *strictyaml.Node) value {
	for _, f := range allIntegerForms() {
		if f.name == name {
			return value{data: f.encodeValue(r.IntBetween(n, f.minValue(), f.maxValue()))}
		}
	}
	return value{}
}

func (f integerForm) minValue() int64 { return math.MinInt64 >> (64 - 8*f.size) }

// maxValue is the largest value that fits; of 8 bytes that of an int64.
func (f integerForm) maxValue() int64 {
	if f.size == 8 {
		return math.MaxInt64
	}
	return 1<<(8*f.size) - 1
}

func (f integerForm) encodeValue(v int64) []byte {
	var wide [8]byte
	if f.little {
		binary.LittleEndian.PutUint64(wide[:], uint64(v))
		return wide[:f.size]
	}
	binary.BigEndian.PutUint64(wide[:], uint64(v))
	return wide[8-f.size:]
}
