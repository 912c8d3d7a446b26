package scenariofile

import (
	"bytes"
	"maps"

	"github.com/sockharness/harness/harness/dialogue"
)

// A verdict is what is known of received bytes so far.
type verdict uint8

const (
	undecided verdict = iota // right so far, and more must come
	matched
	differs
)

// A match is how far received bytes go along with what is expected.
type match struct {
	verdict verdict
	size    int             // of the bytes that matched
	groups  dialogue.Groups // of regular expressions, by name and number
}

// comparePattern holds b against the pattern. eof says that no more will come.
func comparePattern(f dialogue.Framing, p dialogue.Pattern, b []byte, eof bool) match {
	m := match{verdict: matched, groups: dialogue.Groups{}}
	for _, e := range p {
		n, v := m.matchElement(f, e, b[m.size:], eof)
		if v != matched {
			m.verdict = v
			return m
		}
		m.size += n
	}
	return m
}

// compareDatagram holds a datagram against the pattern, which is all of it.
func compareDatagram(p dialogue.Pattern, b []byte) match {
	m := comparePattern(dialogue.Framing{Kind: dialogue.UntilEOF}, p, b, true)
	if m.verdict != matched || m.size != len(b) {
		m.verdict = differs
	}
	return m
}

func (m *match) matchElement(f dialogue.Framing, e dialogue.Element, b []byte, eof bool) (int, verdict) {
	if e.OneOf != nil {
		return m.matchOneOf(f, e, b, eof)
	}
	if !e.Any && e.Regex == nil {
		return matchLiteral(e.SentBytes, b)
	}
	if f.Kind == dialogue.None {
		return m.matchUnframed(e, b)
	}
	body, size, ok, err := f.FirstMessage(b, eof)
	switch {
	case err != nil:
		return 0, differs
	case !ok:
		return 0, undecided
	case e.Regex != nil && !m.groups.Search(e.Regex, body) && !m.groups.Search(e.Regex, b[:size]):
		return 0, differs
	}
	return size, matched
}

func matchLiteral(want, b []byte) (int, verdict) {
	n := min(len(b), len(want))
	switch {
	case !bytes.Equal(b[:n], want[:n]):
		return 0, differs
	case n < len(want):
		return 0, undecided
	}
	return n, matched
}

// matchUnframed takes what the expression matches, or all that is there for any.
func (m *match) matchUnframed(e dialogue.Element, b []byte) (int, verdict) {
	if e.Regex == nil {
		if len(b) == 0 {
			return 0, undecided
		}
		return len(b), matched
	}
	at := e.Regex.FindIndex(b)
	if at == nil || !m.groups.Search(e.Regex, b) {
		return 0, undecided
	}
	return at[1], matched
}

// matchOneOf takes the first alternative that fits, once those before it cannot come.
func (m *match) matchOneOf(f dialogue.Framing, e dialogue.Element, b []byte, eof bool) (int, verdict) {
	for _, one := range e.OneOf {
		found := comparePattern(f, one, b, eof)
		if found.verdict == differs {
			continue
		}
		maps.Copy(m.groups, found.groups)
		return found.size, found.verdict
	}
	return 0, differs
}
