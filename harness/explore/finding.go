package explore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// A Finding is all points with one forbidden signature.
type Finding struct {
	ID        string          `json:"id"`                   // short, and the same in each run
	Target    string          `json:"target"`               // name of the target
	Role      scenario.Role   `json:"role"`                 // which peer is at fault
	Severity  Severity        `json:"severity"`             // how bad it is
	Code      string          `json:"code"`                 // what is wrong, in a stable word
	Rule      string          `json:"rule"`                 // what a user reads, with its ranges
	Detail    string          `json:"detail"`               // of the witness
	Symptom   string          `json:"symptom,omitempty"`    // what distinguishes it from others of the same code
	Direction event.Direction `json:"direction"`            // the direction in which the faults struck
	Places    []Places        `json:"places"`               // where it was seen
	Witness   Point           `json:"witness"`              // the simplest one
	Witnesses []Point         `json:"witnesses"`            // the points at both ends of its ranges
	LastGreen *Point          `json:"last_green,omitempty"` // the last point before it that had no finding; nil: none
	Given     string          `json:"given"`                // what the peer had been given by the witness, hex with a caret
	NoMatter  []string        `json:"no_matter"`            // what may vary
	Confirmed int             `json:"confirmed"`            // of three
	State     State           `json:"state,omitempty"`      // over runs
	Replay    string          `json:"replay,omitempty"`     // the command that plays it again
	File      string          `json:"file,omitempty"`       // where it is kept
	Captures  []string        `json:"captures,omitempty"`   // pcapng files of what passed
	Red       []string        `json:"timeline"`             // of the witness
	Green     []string        `json:"timeline_green"`       // of the last green point, or of a run without a fault

	target scenario.Target
	layout *layout
}

// A State says what became of a finding over runs.
type State string

// The states.
const (
	New       State = "new"
	Ongoing   State = "ongoing"
	Resolved  State = "resolved"
	Regressed State = "regressed"
)

// Places are offsets at which faults have the same effect.
type Places struct {
	Faults []string   `json:"faults"` // names of the faults
	Ranges [][2]int64 `json:"ranges"` // from and to, both played
	Points int        `json:"points"` // how many points these are

	Datagrams bool `json:"datagrams,omitempty"` // the ranges number datagrams, from 1
}

// String says places as "split at bytes 1-3, 9".
func (p Places) String() string {
	var all []string
	for _, r := range p.Ranges {
		if r[0] == r[1] {
			all = append(all, fmt.Sprint(r[0]))
			continue
		}
		all = append(all, fmt.Sprintf("%d–%d", r[0], r[1]))
	}
	const most = 6
	if n := len(all); n > most {
		all = append(all[:most], fmt.Sprintf("and %s", plural.Count(n-most, "more range")))
	}
	word := "byte"
	if p.Datagrams {
		word = "datagram"
	}
	if p.Points > 1 {
		word += "s"
	}
	return fmt.Sprintf("%s at %s %s", strings.Join(p.Faults, " or "), word, strings.Join(all, ", "))
}

// findingID is short, and the same in every run.
func findingID(target string, d event.Direction, v verdict) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{target, d.String(), v.signature()}, "\x00")))
	return hex.EncodeToString(sum[:4])
}

// places collects the points of a signature, those faults together that have the same
// ranges.
func (e *search) places(result int32) []Places {
	byRanges := map[string]*Places{}
	var order []*Places
	for _, s := range e.space.series {
		ranges, n := s.ranges(result)
		if n == 0 || s.point.Split > 0 && len(order) > 0 {
			continue
		}
		key := fmt.Sprint(ranges)
		if byRanges[key] == nil {
			byRanges[key] = &Places{Ranges: ranges, Points: n, Datagrams: s.point.Datagram}
			order = append(order, byRanges[key])
		}
		one := byRanges[key]
		if name := s.name(); !slices.Contains(one.Faults, name) {
			one.Faults = append(one.Faults, name)
		}
	}
	slices.SortStableFunc(order, func(a, b *Places) int { return b.Points - a.Points })
	var all []Places
	for _, p := range order {
		all = append(all, *p)
	}
	return all
}

// ranges returns the stretches of a result; what was not played does not
// interrupt one, what is no point does.
func (s *series) ranges(result int32) (ranges [][2]int64, n int) {
	open := false
	for i, r := range s.results {
		at := s.from + int64(i)
		switch {
		case r == excluded && s.skip != nil && s.skip(at):
			open = false
			continue
		case r == unplayed || r == excluded:
			continue
		case r != result:
			open = false
			continue
		}
		n++
		if open {
			ranges[len(ranges)-1][1] = at
			continue
		}
		ranges, open = append(ranges, [2]int64{at, at}), true
	}
	return ranges, n
}

// isNoConnect reports whether the name of a row is not that of a fault of the connect.
func isNoConnect(name string) bool {
	first, _, _ := strings.Cut(name, " ")
	return !Fault(first).isOfConnect()
}

// describeRule says a finding in one line.
func describeRule(d event.Direction, places []Places, v verdict) string {
	if len(places) == 1 && !slices.ContainsFunc(places[0].Faults, isNoConnect) {
		return fmt.Sprintf("connect, %s: %s", strings.Join(places[0].Faults, " or "), v.rule)
	}
	var all []string
	for _, p := range places {
		all = append(all, p.String())
	}
	const most = 3
	if n := len(all); n > most {
		all = append(all[:most], fmt.Sprintf("and %d more", n-most))
	}
	return fmt.Sprintf("%s, %s: %s", d, strings.Join(all, "; "), v.rule)
}

// describeGiven shows the bytes around the place of a point, as text and as hex, with a
// caret below the first one that the peer had not been given.
func (l *layout) describeGiven(p Point) string {
	if p.Datagram {
		return l.describePacket(p)
	}
	all := l.stream(p.Direction).Bytes
	at := int(min(p.Offset, int64(len(all))))
	from, to := max(0, at-12), min(len(all), at+6)
	var hexes, texts, carets strings.Builder
	for i := from; i < to; i++ {
		if i == at {
			carets.WriteString("^")
		} else if i < at {
			carets.WriteString("   ")
		}
		fmt.Fprintf(&hexes, "%02x ", all[i])
		c := all[i]
		if c < ' ' || c > '~' {
			c = '.'
		}
		texts.WriteByte(c)
	}
	if at >= to {
		carets.WriteString("^")
	}
	return fmt.Sprintf("%s |%s|\n%s byte %d of %d", strings.TrimRight(hexes.String(), " "), texts.String(), carets.String(), at, len(all))
}

// describePacket shows the start of the datagram that a point strikes.
func (l *layout) describePacket(p Point) string {
	if p.Offset < 1 || int(p.Offset) > len(l.packets[p.Direction]) {
		return "no such datagram"
	}
	b := l.packets[p.Direction][p.Offset-1].bytes
	part := b[:min(len(b), 18)]
	return fmt.Sprintf("% x |%s| datagram %d of %s", part, strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, string(part)), p.Offset, plural.Count(len(b), "byte"))
}

// remarks tells what was seen and is not declared.
func (e *search) remarks() []Remark {
	var all []Remark
	for r, v := range e.signatures {
		if !v.bad() || v.declare == "" {
			continue
		}
		places := e.places(int32(r))
		if len(places) == 0 {
			continue
		}
		d := e.directionOf(int32(r))
		all = append(all, Remark{Rule: describeRule(d, places, v), Detail: headOf(v.detail), Declare: v.declare})
	}
	return all
}

func (e *search) directionOf(result int32) event.Direction {
	for _, s := range e.space.series {
		if slices.Contains(s.results, result) {
			return s.point.Direction
		}
	}
	return event.Upstream
}

// A Strip is what became of the bytes of one direction under one fault.
type Strip struct {
	Direction event.Direction `json:"direction"`           // whose bytes
	Fault     string          `json:"fault"`               // name of the fault
	From      int64           `json:"from"`                // offset of the first cell
	Cells     string          `json:"cells"`               // one letter a byte: . not played, + green, o not reached, - no point, r remark, A-Z finding
	Legend    []string        `json:"legend,omitempty"`    // which finding each letter stands for
	Datagrams bool            `json:"datagrams,omitempty"` // a letter is a datagram, the first one has the number from
}

// strips renders every series of one fault.
func (e *search) strips() []Strip {
	var all []Strip
	for _, s := range e.space.series {
		if s.point.Split > 0 || s.point.Fault.isOfConnect() {
			continue
		}
		cells := make([]byte, len(s.results))
		for i, r := range s.results {
			cells[i] = e.cell(r)
		}
		all = append(all, Strip{Direction: s.point.Direction, Fault: s.name(), From: s.from, Cells: string(cells), Datagrams: s.point.Datagram})
	}
	return all
}

func (e *search) cell(r int32) byte {
	switch r {
	case unplayed:
		return '.'
	case green:
		return '+'
	case missed:
		return 'o'
	case excluded:
		return '-'
	}
	if e.signatures[r].declare != "" {
		return 'r'
	}
	for i, f := range e.findings {
		if f.Code == e.signatures[r].code && f.Symptom == e.signatures[r].symptom {
			return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i%26]
		}
	}
	return 'u'
}
