package explore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/event"
)

// A Fault is what happens at a point of a conversation.
type Fault string

// The faults. Where a fault strikes behind the bytes that come before it, "at once" says
// that it follows them without a pause, and "read" that the peer under test has read
// them first.
const (
	Split     Fault = "split"      // the bytes after it leave when those before it were read
	Coalesce  Fault = "coalesce"   // the next message leaves together with this one
	FIN       Fault = "fin"        // the sender's FIN follows at once; it still reads
	HalfClose Fault = "half_close" // the sender's FIN follows when all was read; it still reads
	Reset     Fault = "reset"      // RST
	Vanish    Fault = "vanish"     // FIN, and what arrives afterwards is answered by RST
	Stall     Fault = "stall"      // nothing more comes, the connection stays open
	Heal      Fault = "heal"       // nothing comes until another client was served, then the rest
	Corrupt   Fault = "corrupt"    // the byte is inverted
	Duplicate Fault = "duplicate"  // the byte comes twice
	Refuse    Fault = "refuse"     // the connect is refused
	Blackhole Fault = "blackhole"  // the connect is not answered
)

// The faults of datagrams, beside [Duplicate].
const (
	Drop     Fault = "drop"     // the datagram is lost
	Reorder  Fault = "reorder"  // the next datagram overtakes it
	Truncate Fault = "truncate" // its end is cut off
	Silence  Fault = "silence"  // it is lost, and so are all that follow
)

// What is left of a datagram that is cut.
const (
	KeptFirst = "first" // one byte
	KeptHalf  = "half"
	KeptMost  = "most" // all but one byte
)

// AllFaults lists the faults from the simplest to the strangest, which is the order in
// which a reproducer prefers them.
func AllFaults() []Fault {
	return []Fault{Split, Coalesce, FIN, HalfClose, Vanish, Reset, Heal, Stall, Refuse, Blackhole, Drop, Silence, Duplicate, Reorder, Truncate, Corrupt}
}

// IsHarmless reports whether a peer in order behaves as if nothing had happened.
func (f Fault) IsHarmless() bool { return f == Split || f == Coalesce || f == Heal }

// isOfConnect reports whether the fault is one of the connect, and not of the stream.
func (f Fault) isOfConnect() bool { return f == Refuse || f == Blackhole }

// rank orders faults by simplicity.
func (f Fault) rank() int { return slices.Index(AllFaults(), f) }

// A Point is one fault at one place of a conversation.
type Point struct {
	Direction event.Direction `json:"direction"`            // the direction in which the fault strikes
	Offset    int64           `json:"offset"`               // bytes of the direction that pass before the fault; of datagrams the number of the one that it strikes, from 1
	Fault     Fault           `json:"fault"`                // what happens there
	Read      bool            `json:"read,omitempty"`       // the peer under test has read them first; of reset and vanish
	Pipelined bool            `json:"pipelined,omitempty"`  // all requests leave at once, without waiting for answers
	Split     int64           `json:"split,omitempty"`      // of a pair: a segment boundary at this offset, too; 0: none
	Exchanges int             `json:"exchanges,omitempty"`  // play only so many; 0: all
	Conn      int             `json:"connection,omitempty"` // which connection it strikes; 0: the first
	Datagram  bool            `json:"datagram,omitempty"`   // it strikes a datagram
	Kept      string          `json:"kept,omitempty"`       // what is left of a datagram that is cut: first, half or most
}

// String says the point in one line.
func (p Point) String() string {
	var b strings.Builder
	if p.Fault.isOfConnect() {
		fmt.Fprintf(&b, "connection %d: %s", max(1, p.Conn), p.Fault)
		return b.String()
	}
	if p.Datagram {
		fmt.Fprintf(&b, "%s datagram %d: %s", p.Direction, p.Offset, p.Fault)
		if p.Kept != "" {
			fmt.Fprintf(&b, ", %s of it is kept", keptWords[p.Kept])
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%s byte %d: %s", p.Direction, p.Offset, p.Fault)
	if p.Read {
		b.WriteString(" after the peer has read")
	}
	if p.Pipelined {
		b.WriteString(", requests sent ahead")
	}
	if p.Split > 0 {
		fmt.Fprintf(&b, ", and a split at byte %d", p.Split)
	}
	return b.String()
}

// keptWords say what is kept of a datagram.
var keptWords = map[string]string{KeptFirst: "the first byte", KeptHalf: "half", KeptMost: "all but a byte"}

// liesIn reports whether the point strikes in a step whose bytes are [from, to): a fault
// behind bytes belongs to the step that it follows, one that changes a byte to its own.
func (p Point) liesIn(from, to int64) bool {
	if p.changesByte() {
		return p.Offset >= from && p.Offset < to
	}
	return (p.Offset > from || p.Offset == 0 && from == 0) && p.Offset <= to
}

func (p Point) changesByte() bool { return p.Fault == Corrupt || p.Fault == Duplicate }

// A series is all points that differ in their offset only: what the strip of a
// direction shows in one row.
type series struct {
	point   Point                   // with offset 0
	from    int64                   // first offset
	results []int32                 // by offset-from: 0 not played, 1 green, others the signature's index
	played  int                     // points that have a result
	points  int                     // how many there are
	skip    func(offset int64) bool // offsets that are no points; nil: all are
	borders []int64
}

const (
	unplayed = int32(0)
	green    = int32(1)
	missed   = int32(2) // the conversation did not get there
	excluded = int32(3) // no point, or one of another shard
)

// isSlow reports whether each point of the series takes its time: it is about time.
func (s *series) isSlow() bool {
	return s.point.Fault == Stall || s.point.Fault == Heal || s.point.Fault == Blackhole || s.point.Fault == Drop || s.point.Fault == Truncate || s.point.Fault == Silence
}

func (s *series) at(offset int64) Point {
	p := s.point
	p.Offset = offset
	return p
}

func (s *series) result(offset int64) int32 { return s.results[offset-s.from] }

func (s *series) setResult(offset int64, r int32) {
	if s.results[offset-s.from] == unplayed {
		s.played++
	}
	s.results[offset-s.from] = r
}

func (s *series) last() int64 { return s.from + int64(len(s.results)) - 1 }

// size is how many points the series has.
func (s *series) size() int {
	n := 0
	for _, r := range s.results {
		if r != excluded {
			n++
		}
	}
	return n
}

// name is what a row of the strip is called.
func (s *series) name() string {
	name := string(s.point.Fault)
	if s.point.Kept != "" {
		name += " to " + s.point.Kept
	}
	if s.point.Conn > 1 {
		name += fmt.Sprintf(" of connection %d", s.point.Conn)
	}
	if s.point.Read {
		name += " read"
	}
	if s.point.Pipelined {
		name += " ahead"
	}
	return name
}
