package dialogue

import (
	"bytes"
	"fmt"
	"regexp"
	"sort"
)

// A status is what is known of received bytes so far.
type status uint8

const (
	undecided status = iota // right so far, and more must come
	matched
	differs
)

// A difference is where received bytes cannot be what was expected any more.
type difference struct {
	at   int // in the bytes since the pattern's beginning
	note string
}

// A piece is a part of a pattern that is matched in one way.
type piece struct {
	want  []byte         // exact bytes, unless one of the following is set
	one   bool           // one message of the framing, held against want, regex or nothing (any)
	regex *regexp.Regexp // anchored
	any   bool
	holes []hole // framing none: want has volatile parts
}

// A matcher holds bytes as they arrive against a pattern. What it finds does not
// depend on how the bytes are cut into pieces.
type matcher struct {
	framing  Framing
	volatile []*regexp.Regexp
	pieces   []piece
	next     int // the piece that is being matched
	at       int // where it begins
	seen     int // bytes of it that need not be looked at again
	diff     *difference
}

func (s *Script) matcher(p Pattern) *matcher {
	m := &matcher{framing: s.Framing, volatile: s.Volatile}
	for _, e := range p {
		switch {
		case e.Any:
			m.pieces = append(m.pieces, piece{one: true, any: true})
		case e.Regex != nil:
			re, err := anchored(e.Regex, s.Framing.Kind != None)
			if err != nil {
				re = e.Regex
			}
			m.pieces = append(m.pieces, piece{one: true, regex: re})
		default:
			m.addBytes(e.Bytes)
		}
	}
	return m
}

// anchored makes an expression match from the beginning, and to the end if it
// must be the whole message.
func anchored(re *regexp.Regexp, end bool) (*regexp.Regexp, error) {
	if end {
		return regexp.Compile(`\A(?:` + re.String() + `)\z`)
	}
	return regexp.Compile(`\A(?:` + re.String() + `)`)
}

// addBytes splits b where messages have volatile parts, so that all others are
// compared byte by byte as they arrive.
func (m *matcher) addBytes(b []byte) {
	if len(m.volatile) == 0 {
		m.pieces = append(m.pieces, piece{want: b})
		return
	}
	if m.framing.Kind == None {
		m.pieces = append(m.pieces, piece{want: b, holes: findHoles(b, m.volatile)})
		return
	}
	for len(b) > 0 {
		s, ok, err := m.framing.cut(b, 0, true)
		if !ok || err != nil {
			s = span{body: len(b)}
		}
		message := b[:s.size()]
		if ok && len(volatileSpans(m.maskable(message, s), m.volatile)) > 0 {
			m.pieces = append(m.pieces, piece{one: true, want: message})
		} else {
			m.pieces = append(m.pieces, piece{want: message})
		}
		b = b[s.size():]
	}
}

// maskable is the part of a message that volatile expressions see: not a length
// prefix, which changes with what it counts.
func (m *matcher) maskable(message []byte, s span) []byte { return message[s.header:] }

// advance tells what is known of b, which holds all bytes since the beginning
// of the pattern and grows from call to call. After matched, m.at is the length
// of what matched; after differs, m.diff is set.
func (m *matcher) advance(b []byte, eof bool) status {
	for m.next < len(m.pieces) {
		n, st := m.match(m.pieces[m.next], b[m.at:], eof)
		if st != matched {
			return st
		}
		m.at, m.seen, m.next = m.at+n, 0, m.next+1
	}
	return matched
}

func (m *matcher) differ(at int, note string) (int, status) {
	m.diff = &difference{at: m.at + at, note: note}
	return 0, differs
}

func (m *matcher) match(p piece, b []byte, eof bool) (int, status) {
	switch {
	case p.one && m.framing.Kind == None:
		return m.shortest(p.regex, b)
	case p.one:
		return m.message(p, b, eof)
	case p.holes != nil:
		return m.around(p, b)
	}
	n := min(len(b), len(p.want))
	if !bytes.Equal(b[m.seen:n], p.want[m.seen:n]) {
		return m.differ(commonPrefix(b[:n], p.want), "")
	}
	m.seen = n
	if n < len(p.want) {
		return 0, undecided
	}
	return n, matched
}

func (m *matcher) message(p piece, b []byte, eof bool) (int, status) {
	s, ok, err := m.framing.cut(b, m.seen, eof)
	if err != nil {
		return m.differ(0, err.Error())
	}
	if !ok {
		m.seen = len(b)
		return 0, undecided
	}
	message := b[:s.size()]
	body := message[s.header : s.header+s.body]
	switch {
	case p.any:
	case p.regex != nil:
		if !p.regex.Match(body) && !p.regex.Match(message) {
			return m.differ(0, "the message does not match the regular expression")
		}
	default:
		want, _, _ := m.framing.cut(p.want, 0, true)
		if at := maskedDifference(m.maskable(message, s), p.want[want.header:], m.volatile); at >= 0 {
			return m.differ(s.header+at, "")
		}
	}
	return s.size(), matched
}

// shortest finds the shortest beginning of b that the expression matches, so
// that the result does not depend on how much has arrived. That is monotone,
// because Parse refuses expressions that look ahead.
func (m *matcher) shortest(re *regexp.Regexp, b []byte) (int, status) {
	if re == nil || !re.Match(b) {
		return 0, undecided
	}
	return sort.Search(len(b), func(n int) bool { return re.Match(b[:n]) }), matched
}

// around matches bytes with holes where the framing does not tell how long a
// volatile part is: it is what the expression matches, and at the end of the
// bytes as long as it was written down.
func (m *matcher) around(p piece, b []byte) (int, status) {
	at, from := 0, 0
	for _, h := range append(p.holes, hole{from: len(p.want), to: len(p.want)}) {
		fixed := p.want[from:h.from]
		n := min(len(fixed), len(b)-at)
		if d := commonPrefix(b[at:at+n], fixed[:n]); d < n {
			return m.differ(at+d, "")
		}
		if at += n; n < len(fixed) {
			return 0, undecided
		}
		if h.regex == nil {
			break
		}
		room, last := b[at:], h.to == len(p.want)
		if last {
			room = room[:min(len(room), h.to-h.from)]
		}
		found := h.regex.FindIndex(room)
		switch {
		case last && len(room) < h.to-h.from:
			return 0, undecided
		case found == nil && (last || !consistent(h.prefix, room)):
			return m.differ(at, fmt.Sprintf("what may differ must still match %s", h.regex))
		case found == nil || !last && found[1] == len(room):
			return 0, undecided
		}
		at, from = at+found[1], h.to
	}
	return at, matched
}

func consistent(prefix string, b []byte) bool {
	n := min(len(prefix), len(b))
	return prefix[:n] == string(b[:n])
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
