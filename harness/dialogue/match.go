package dialogue

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
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
	oneOf []*matcher
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
	measured progress
	diff     *difference
	groups   Groups // of the regular expressions that matched
}

// newMatcher returns a matcher of what is received in a step; what is sent in the same
// step may tell where an answer ends.
func (s *Script) newMatcher(p Pattern, sent []byte) *matcher {
	return newMatcher(s.Framing.AnsweringTo(sent), s.Volatile, p)
}

func newMatcher(f Framing, volatile []*regexp.Regexp, p Pattern) *matcher {
	m := &matcher{framing: f, volatile: volatile, groups: Groups{}}
	for _, e := range p {
		switch {
		case e.OneOf != nil:
			one := piece{}
			for _, alternative := range e.OneOf {
				one.oneOf = append(one.oneOf, newMatcher(f, volatile, alternative))
			}
			m.pieces = append(m.pieces, one)
		case e.Any:
			m.pieces = append(m.pieces, piece{one: true, any: true})
		case e.Regex != nil:
			re, err := anchorRegex(e.Regex, f.Kind != None)
			if err != nil {
				re = e.Regex
			}
			m.pieces = append(m.pieces, piece{one: true, regex: re})
		default:
			m.addBytes(e.SentBytes)
		}
	}
	return m
}

// anchorRegex makes an expression match from the beginning, and to the end if it
// must be the whole message.
func anchorRegex(re *regexp.Regexp, end bool) (*regexp.Regexp, error) {
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
	for f := m.framing; len(b) > 0; {
		s, ok, err := f.measureFirst(b, nil, true)
		if !ok || err != nil || s.totalSize() == 0 {
			s, ok = span{body: len(b)}, false
		}
		message := b[:s.totalSize()]
		maskable, _ := f.maskablePart(message, s)
		m.pieces = append(m.pieces, piece{one: ok && len(volatileSpans(maskable, m.volatile)) > 0, want: message})
		f, b = f.after(message), b[s.totalSize():]
	}
}

// maskablePart is the part of a message that volatile expressions see, and where in the
// message a byte of it is: not a length, which changes with what it counts.
func (f Framing) maskablePart(message []byte, s span) (part []byte, position func(int) int) {
	switch from := f.Offset; {
	case f.Kind == HTTP, f.Kind == ContentLength, f.Kind == WebSocket && isHead(message):
		return message, func(at int) int { return at }
	case f.Kind == LengthPrefix && from+f.Bytes < s.header:
		return slices.Concat(message[:from], message[from+f.Bytes:]), func(at int) int {
			if at < from {
				return at
			}
			return at + f.Bytes
		}
	}
	return message[s.header:], func(at int) int { return s.header + at }
}

// advanceMatch tells what is known of b, which holds all bytes since the beginning
// of the pattern and grows from call to call. After matched, m.at is the length
// of what matched; after differs, m.diff is set.
func (m *matcher) advanceMatch(b []byte, eof bool) status {
	for m.next < len(m.pieces) {
		n, st := m.matchPiece(m.pieces[m.next], b[m.at:], eof)
		if st != matched {
			return st
		}
		m.framing = m.framing.afterPieces(b[m.at : m.at+n])
		m.at, m.seen, m.measured, m.next = m.at+n, 0, progress{}, m.next+1
	}
	return matched
}

func (m *matcher) differAt(at int, note string) (int, status) {
	m.diff = &difference{at: m.at + at, note: note}
	return 0, differs
}

func (m *matcher) matchPiece(p piece, b []byte, eof bool) (int, status) {
	switch {
	case p.oneOf != nil:
		return m.matchOneOf(p, b, eof)
	case p.one && m.framing.Kind == None:
		return m.shortestMatch(p.regex, b)
	case p.one:
		return m.matchMessage(p, b, eof)
	case p.holes != nil:
		return m.matchAround(p, b)
	}
	n := min(len(b), len(p.want))
	if !bytes.Equal(b[m.seen:n], p.want[m.seen:n]) {
		return m.differAt(CommonPrefix(b[:n], p.want), "")
	}
	m.seen = n
	if n < len(p.want) {
		return 0, undecided
	}
	return n, matched
}

func (m *matcher) matchMessage(p piece, b []byte, eof bool) (int, status) {
	s, ok, err := m.framing.measureFirst(b, &m.measured, eof)
	if err != nil {
		return m.differAt(0, err.Error())
	}
	if !ok {
		return 0, undecided
	}
	message := b[:s.totalSize()]
	body := m.framing.bodyOf(message, s)
	switch {
	case p.any:
	case p.regex != nil:
		if !m.groups.Search(p.regex, body) && !m.groups.Search(p.regex, message) {
			return m.differAt(0, "the message does not match the regular expression")
		}
	default:
		want, _, _ := m.framing.measureFirst(p.want, nil, true)
		wanted, _ := m.framing.maskablePart(p.want, want)
		got, position := m.framing.maskablePart(message, s)
		if at := maskedDifference(got, wanted, m.volatile); at >= 0 {
			return m.differAt(position(at), "")
		}
	}
	return s.totalSize(), matched
}

// matchOneOf takes the first alternative that fits, once those before it cannot come.
// Where none fits, the one that went furthest tells why.
func (m *matcher) matchOneOf(p piece, b []byte, eof bool) (int, status) {
	var furthest *difference
	for _, one := range p.oneOf {
		if one.diff == nil {
			one.framing = m.framing
			switch st := one.advanceMatch(b, eof); st {
			case undecided:
				return 0, undecided
			case matched:
				maps.Copy(m.groups, one.groups)
				return one.at, matched
			}
		}
		if furthest == nil || one.diff.at > furthest.at {
			furthest = one.diff
		}
	}
	return m.differAt(furthest.at, "none of the alternatives came")
}

// shortestMatch finds the shortest beginning of b that the expression matches, so
// that the result does not depend on how much has arrived. That is monotone,
// because Parse refuses expressions that look ahead.
func (m *matcher) shortestMatch(re *regexp.Regexp, b []byte) (int, status) {
	if re == nil || !re.Match(b) {
		return 0, undecided
	}
	n := sort.Search(len(b), func(n int) bool { return re.Match(b[:n]) })
	m.groups.Search(re, b[:n])
	return n, matched
}

// matchAround matches bytes with holes where the framing does not tell how long a
// volatile part is: it is what the expression matches, and at the end of the
// bytes as long as it was written down.
func (m *matcher) matchAround(p piece, b []byte) (int, status) {
	at, from := 0, 0
	for _, h := range append(p.holes, hole{from: len(p.want), to: len(p.want)}) {
		fixed := p.want[from:h.from]
		n := min(len(fixed), len(b)-at)
		if d := CommonPrefix(b[at:at+n], fixed[:n]); d < n {
			return m.differAt(at+d, "")
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
		case found == nil && (last || !isConsistent(h.prefix, room)):
			return m.differAt(at, fmt.Sprintf("the volatile part must match %s", h.regex))
		case found == nil || !last && found[1] == len(room):
			return 0, undecided
		}
		at, from = at+found[1], h.to
	}
	return at, matched
}

func isConsistent(prefix string, b []byte) bool {
	n := min(len(prefix), len(b))
	return prefix[:n] == string(b[:n])
}

// CommonPrefix returns how many bytes two texts begin with alike.
func CommonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
