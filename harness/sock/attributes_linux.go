package sock

import "iter"

// Attributes goes through the attributes of a message of netlink(7), which begin at m: the kind
// and the value of each. One that is longer than the message ends it.
func Attributes(m []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(kind uint16, value []byte) bool) {
		for len(m) >= 4 {
			size, kind := int(native.Uint16(m)), native.Uint16(m[2:])
			if size < 4 || size > len(m) || !yield(kind, m[4:size]) {
				return
			}
			m = m[min((size+3)&^3, len(m)):]
		}
	}
}
