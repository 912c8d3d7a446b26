package dialogue

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/sockharness/harness/harness/strictyaml"
)

// A Capture keeps a group of a regular expression under a name: ${name} writes what it
// matched.
type Capture struct {
	Name  string           // name by which ${name} writes it
	Group string           // name or number; 0 is the whole match
	Node  *strictyaml.Node // where it is written
}

// Captures are what one exchange keeps.
type Captures []Capture

var captureName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// isCaptureName reports whether a value may have the name.
func isCaptureName(name string) bool {
	return captureName.MatchString(name) && name != connectionKey && name != runKey
}

// ReadCaptures reads {name: group, …}.
func (r Reader) ReadCaptures(n *strictyaml.Node) Captures {
	var all Captures
	r.EachPair(n, func(key, value *strictyaml.Node) {
		group := value.Text()
		if value.Kind() != strictyaml.Number {
			group = r.NonEmptyString(value)
		}
		if !isCaptureName(key.Text()) {
			r.ReportError(key, fmt.Sprintf("%q cannot be the name of a capture", key.Text()), "use letters, digits and underscores; connection and run are reserved")
		}
		all = append(all, Capture{Name: key.Text(), Group: group, Node: key})
	})
	return all
}

// Groups are what the groups of regular expressions matched, by name and by number.
type Groups map[string][]byte

// Search matches b and keeps the groups, if it matches.
func (g Groups) Search(re *regexp.Regexp, b []byte) bool {
	found := re.FindSubmatch(b)
	if found == nil {
		return false
	}
	for i, name := range re.SubexpNames() {
		g[strconv.Itoa(i)] = bytes.Clone(found[i])
		if name != "" {
			g[name] = bytes.Clone(found[i])
		}
	}
	return true
}

// GroupNames returns the names and numbers of the groups in the message.
func (m *Message) GroupNames() map[string]bool {
	groups := map[string]bool{}
	for _, re := range m.Regexps() {
		for i, name := range re.SubexpNames() {
			groups[strconv.Itoa(i)] = true
			if name != "" {
				groups[name] = true
			}
		}
	}
	return groups
}

// A capturedValues is what was kept on one connection so far.
type capturedValues struct {
	mu     sync.Mutex // guards values
	values Groups
}

func (c *capturedValues) keep(captures Captures, groups Groups) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range captures {
		if b, ok := groups[k.Group]; ok {
			c.values[k.Name] = b
		}
	}
}

func (c *capturedValues) all() Groups {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

// Captures returns whether the script writes what it has received before, so that its
// bytes are known only while it is played. A script that does cannot be played
// pipelined.
func (s *Script) Captures() bool { return s.dynamic || s.ConnectionCount() > 0 }

// A messageSource is what a step was made of, where it depends on what is received.
type messageSource struct {
	send, expect *Message
	sent         []byte  // as they are in the step
	expected     Pattern // the same
}

// expandWith returns what a step is, with the values that were kept. A step that a
// scenario has changed keeps its bytes but for the placeholders in them.
func (s *Script) expandWith(step Step) Step {
	if !s.dynamic || s.values == nil {
		return step
	}
	values := s.values.all()
	if m := step.source; m != nil {
		if m.send != nil && step.Send != nil && bytes.Equal(step.Send, m.sent) {
			if p, err := m.send.ExpandPattern(s.Framing.FromClient(), step.random(), s.lookupWith(values)); err == nil {
				step.Send, _ = p.SentBytes()
			}
		}
		if m.expect != nil && len(step.Expect) > 0 && len(m.expected) > 0 && &step.Expect[0] == &m.expected[0] {
			if p, err := m.expect.ExpandPattern(s.Framing, step.random(), s.lookupWith(values)); err == nil {
				step.Expect = p
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		old, now := s.placeholders[name], string(values[name])
		if old == "" {
			continue
		}
		step.Send = bytes.ReplaceAll(step.Send, []byte(old), []byte(now))
		step.Expect = step.Expect.replaced(old, now)
		step.Receive = step.Receive.replaced(old, now)
	}
	return step
}

// expandStep is expandWith for a step of the script, from 0, whose request may have been
// cut inside a placeholder.
func (s *Script) expandStep(i int) Step {
	step := s.expandWith(s.Steps[i])
	if !s.dynamic || s.values == nil {
		return step
	}
	for name, value := range s.values.all() {
		word := []byte(s.placeholders[name])
		if k := s.cutAt(i, word); k > 0 {
			step.Send = slices.Concat(step.Send[:len(step.Send)-k], value[:min(k, len(value))])
		}
		if k := s.cutAt(i-1, word); k > 0 {
			step.Send = slices.Concat(value[min(k, len(value)):], step.Send[len(word)-k:])
		}
	}
	return step
}

// cutAt returns how many bytes of the word a step's request ends with, where that of the
// next step begins with the others; 0 where it does not.
func (s *Script) cutAt(i int, word []byte) int {
	if i < 0 || i+1 >= len(s.Steps) {
		return 0
	}
	for k := 1; k < len(word); k++ {
		if bytes.HasSuffix(s.Steps[i].Send, word[:k]) && bytes.HasPrefix(s.Steps[i+1].Send, word[k:]) {
			return k
		}
	}
	return 0
}

// lookupWith knows the words of the connection and what was kept; what is not kept yet is
// its placeholder.
func (s *Script) lookupWith(values Groups) Lookup {
	return func(name string) ([]byte, bool) {
		if b, ok := values[name]; ok {
			return b, true
		}
		if b, ok := s.placeholders[name]; ok {
			return []byte(b), true
		}
		return s.words.lookup(s.spoken)(name)
	}
}

// keepGroups keeps what a step names of what was matched.
func (p *player) keepGroups(captures Captures, groups Groups) {
	if p.script.values != nil {
		p.script.values.keep(captures, groups)
	}
}

// WithRequests returns the script with the requests of a real conversation where the
// dialogue only describes them, as far as they match.
func (s *Script) WithRequests(sent []byte) *Script {
	if !s.dynamic && !slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Receive != nil }) {
		return s
	}
	out := *s
	out.Steps = slices.Clone(s.Steps)
	out.values = &capturedValues{values: Groups{}}
	for i := range out.Steps {
		step := out.expandWith(out.Steps[i])
		m := out.newMatcher(step.requestPattern(), nil)
		if m.advanceMatch(sent, true) != matched {
			break
		}
		out.values.keep(step.keepSent, m.groups)
		step = out.expandWith(out.Steps[i]) // the reply may say what the request did
		step.Send, step.Receive, step.source = sent[:m.at:m.at], nil, nil
		out.Steps[i], sent = step, sent[m.at:]
	}
	return &out
}

// WritesCaptured reports whether a step, from 0, writes what was received before, so that
// its bytes in the script are no real ones.
func (s *Script) WritesCaptured(step int) bool {
	if !s.dynamic {
		return false
	}
	one := s.Steps[step]
	for _, word := range s.placeholders {
		said, _ := one.Expect.LiteralBytes()
		if bytes.Contains(one.Send, []byte(word)) || bytes.Contains(said, []byte(word)) {
			return true
		}
	}
	return one.Receive != nil
}

// requestPattern is what a server receives in a step.
func (s Step) requestPattern() Pattern {
	switch {
	case s.Receive != nil:
		return s.Receive
	case len(s.Send) > 0:
		return Pattern{{SentBytes: s.Send}}
	}
	return nil
}
