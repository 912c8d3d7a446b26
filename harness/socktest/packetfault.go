package socktest

import (
	"fmt"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// Drop loses datagrams of that direction: every one, the one of [Fault.AtDatagram], or a
// share of them, see [Fault.Sometimes].
func Drop(d Direction) Fault { return Toxic(d, "drop", nil) }

// Duplicate sends so many copies behind each datagram of that direction, or behind the one
// of [Fault.AtDatagram].
func Duplicate(d Direction, copies int) Fault {
	return Toxic(d, "duplicate", map[string]any{"copies": copies})
}

// Reorder keeps a datagram of that direction back until so many later ones have overtaken
// it, for 5 s at most: the one of [Fault.AtDatagram], else one after the other. It has
// struck when the datagram was overtaken.
func Reorder(d Direction, positions int) Fault {
	return Toxic(d, "reorder", map[string]any{"positions": positions, "hold": 5000})
}

// Truncate cuts datagrams of that direction, or the one of [Fault.AtDatagram], to so many
// bytes. Shorter ones pass as they are.
func Truncate(d Direction, size int) Fault {
	return Toxic(d, "truncate", map[string]any{"size": size})
}

// AtDatagram restricts a fault of a [PacketProxy] to the n-th datagram that each client
// sends or gets in its direction, from 1.
func (f Fault) AtDatagram(n int) Fault {
	if n < 1 {
		f.err = fmt.Errorf("datagrams are numbered from 1, got %d", n)
		return f
	}
	f = f.at(spec.Trigger{Segment: n})
	return f.with("only", true)
}

// with returns the fault with an attribute more.
func (f Fault) with(name string, value any) Fault {
	attributes := map[string]any{name: value}
	for k, v := range f.spec.Attributes {
		attributes[k] = v
	}
	f.spec.Attributes = attributes
	return f
}

// isForDatagrams reports whether the type of toxic is one of datagrams and none of streams.
func (f Fault) isForDatagrams() bool {
	_, packets := datagram.FindKind(f.spec.Type)
	_, streams := toxics.FindKind(f.spec.Type)
	return packets && !streams
}

// datagramToxic builds what runs in a packet proxy, under the given name.
func (f Fault) datagramToxic(name string) (datagram.Toxic, error) {
	f.spec.Name = name
	return datagram.MakeToxic(f.spec)
}
