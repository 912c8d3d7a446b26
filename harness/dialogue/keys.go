package dialogue

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// The names that a dialogue may write as ${name}.
const (
	connectionKey = "connection"
	runKey        = "run"
)

// Keys makes the words that stand for ${connection} and ${run}: letters and digits
// that begin with a letter, keySize bytes each, so that they fit into most names and
// every offset in a stream stays what it is.
type Keys struct {
	run  string
	next atomic.Uint64
}

const (
	keySize   = 8 // nicknames of IRC have 9 at most
	keyDigits = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// NewKeys returns the keys of a run, which the given text names. Each connection has
// another word, also beside other processes of the same run, which start elsewhere.
func NewKeys(run string) *Keys {
	sum := sha256.Sum256([]byte(run))
	k := &Keys{run: keyWord(binary.BigEndian.Uint64(sum[:]))}
	k.next.Store(rand.Uint64() >> 1)
	return k
}

// Run returns the word of the run.
func (k *Keys) Run() string { return k.run }

// Connection returns the word of another connection.
func (k *Keys) Connection() string { return keyWord(k.next.Add(1)) }

// keyWord writes a number in letters and digits.
func keyWord(n uint64) string {
	const letters = 26
	word := make([]byte, keySize)
	for i := keySize - 1; i > 0; i-- {
		word[i], n = keyDigits[n%uint64(len(keyDigits))], n/uint64(len(keyDigits))
	}
	word[0] = keyDigits[n%letters]
	return string(word)
}

func (k *Keys) lookup(connection string) Lookup {
	return func(name string) ([]byte, bool) {
		switch name {
		case connectionKey:
			return []byte(connection), true
		case runKey:
			return []byte(k.run), true
		}
		return nil, false
	}
}

// Distinct reports whether each connection says ${connection}, a word of its own.
func (d *Dialogue) Distinct() bool {
	return slices.ContainsFunc(d.all(), func(m *Message) bool { return slices.Contains(m.keyNames(), connectionKey) })
}

// all returns the messages of both sides.
func (d *Dialogue) all() []*Message {
	all := []*Message{d.Greeting}
	for _, e := range d.Exchanges {
		all = append(all, e.Send, e.Expect)
		if e.Connect != nil {
			all = append(all, e.Connect.Said.all()...)
		}
	}
	return slices.DeleteFunc(all, func(m *Message) bool { return m == nil })
}

// keyNames returns the names that the message writes as ${name}, those in a regular
// expression only where they are names of ours.
func (m *Message) keyNames() []string {
	names := m.VariableNames()
	for _, re := range m.Regexps() {
		for _, name := range []string{connectionKey, runKey} {
			if strings.Contains(re.String(), "${"+name+"}") {
				names = append(names, name)
			}
		}
	}
	return names
}

// ownNames returns which of ${connection} and ${run} the message has.
func (m *Message) ownNames() []string {
	return slices.DeleteFunc(m.keyNames(), func(name string) bool { return name != connectionKey && name != runKey })
}

// textMessage returns a message of bytes in which ${name} stands for others.
func textMessage(b []byte) *Message { return &Message{items: []item{{value: textValue(b)}}} }

// expandRegexp replaces each ${name} that lookup knows; others cannot match anything.
func expandRegexp(re *regexp.Regexp, lookup Lookup) (*regexp.Regexp, error) {
	if re == nil || lookup == nil {
		return re, nil
	}
	text := re.String()
	for _, found := range variable.FindAllStringSubmatch(text, -1) {
		if b, ok := lookup(found[1]); ok && found[1] != "" {
			text = strings.ReplaceAll(text, found[0], regexp.QuoteMeta(string(b)))
		}
	}
	if text == re.String() {
		return re, nil
	}
	return regexp.Compile(text)
}

// Distinct reports whether each connection says words of its own.
func (s *Script) Distinct() bool { return s.word != "" }

// ForConnection returns the script with the words of a connection of its own, which
// stay the same from then on, and with room for what is kept on it. A script without ${connection}, or one in which a step
// ends inside the word, is returned as it is.
func (s *Script) ForConnection() *Script {
	if s.dynamic && s.values == nil {
		next := *s
		next.values = &capturedValues{values: Groups{}}
		s = &next
	}
	if s.keys == nil || s.word == "" || s.cutsWord() {
		return s
	}
	return s.withWord(s.keys.Connection())
}

// withWord returns the script with another word for ${connection}, on its data connections
// too.
func (s *Script) withWord(word string) *Script {
	swap := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(s.word), []byte(word)) }
	next := *s
	next.keys, next.word, next.spoken = nil, word, word
	next.Greeting = s.Greeting.replaced(s.word, word)
	next.Steps = slices.Clone(s.Steps)
	for i, step := range next.Steps {
		next.Steps[i].Send = swap(step.Send)
		next.Steps[i].Expect = step.Expect.replaced(s.word, word)
		next.Steps[i].Receive = step.Receive.replaced(s.word, word)
		if m := step.source; m != nil {
			swapped := *m
			swapped.sent = swap(m.sent)
			if len(m.expected) > 0 && len(step.Expect) > 0 && &m.expected[0] == &step.Expect[0] {
				swapped.expected = next.Steps[i].Expect
			}
			next.Steps[i].source = &swapped
		}
		if step.Connect != nil {
			next.Steps[i].Connect = &DataStep{To: step.Connect.To, TLS: step.Connect.TLS, Script: step.Connect.Script.withWord(word)}
		}
	}
	return &next
}

// cutsWord reports whether the word begins in what one step sends and ends in what the
// next one does.
func (s *Script) cutsWord() bool {
	whole := 0
	for _, step := range s.Steps {
		whole += bytes.Count(step.Send, []byte(s.word))
	}
	return bytes.Count(s.RequestBytes(), []byte(s.word)) != whole
}

func (p Pattern) replaced(old, word string) Pattern {
	if p == nil {
		return nil
	}
	out := slices.Clone(p)
	for i, e := range out {
		if e.OneOf != nil {
			out[i].OneOf = slices.Clone(e.OneOf)
			for n, one := range e.OneOf {
				out[i].OneOf[n] = one.replaced(old, word)
			}
		}
		out[i].SentBytes = bytes.ReplaceAll(e.SentBytes, []byte(old), []byte(word))
		if e.Regex == nil || !strings.Contains(e.Regex.String(), old) {
			continue
		}
		if re, err := regexp.Compile(strings.ReplaceAll(e.Regex.String(), old, word)); err == nil {
			out[i].Regex = re
		}
	}
	return out
}
