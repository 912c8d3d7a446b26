package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
)

// A value is bytes as they are written down.
type value struct {
	form  form
	data  []byte  // of literal
	count int64   // of repeat: how often; of random: how many bytes
	of    []value // of repeat, framed and list
}

type form uint8

const (
	literal form = iota
	list
	repeat
	random
	framed
)

// size returns how many bytes the value has, at most: not more than limit+1 is
// counted, so that it cannot overflow.
func (v value) size(f Framing, limit int64) int64 {
	var n int64
	for _, one := range v.of {
		n = min(limit+1, n+one.size(f, limit))
	}
	switch v.form {
	case literal:
		n = int64(len(v.data))
	case random:
		n = v.count
	case framed:
		n += int64(f.Bytes + len(f.delimiter()))
	case repeat:
		if n > 0 && v.count > limit/n {
			return limit + 1
		}
		n *= v.count
	}
	return min(n, limit+1)
}

// resolve appends the value's bytes to dst.
func (v value) resolve(dst []byte, f Framing, r *rand.Rand) ([]byte, error) {
	switch v.form {
	case literal:
		return append(dst, v.data...), nil
	case random:
		return appendRandom(dst, v.count, f, r), nil
	}
	var inner []byte
	for _, one := range v.of {
		var err error
		if inner, err = one.resolve(inner, f, r); err != nil {
			return nil, err
		}
	}
	switch v.form {
	case repeat:
		return append(dst, bytes.Repeat(inner, int(v.count))...), nil
	case framed:
		message, err := f.Frame(inner)
		return append(dst, message...), err
	}
	return append(dst, inner...), nil
}

// appendRandom avoids CR and LF in a line framing, where they would end the
// message.
func appendRandom(dst []byte, n int64, f Framing, r *rand.Rand) []byte {
	for range n {
		b := byte(r.Uint32())
		if f.Kind == Line && (b == '\n' || b == '\r') {
			b |= 0x40
		}
		dst = append(dst, b)
	}
	return dst
}

// A Message is what one side says next, as it is written down: bytes, or in an
// expectation what the bytes must look like.
type Message struct {
	Line, Column int // of the file
	items        []item
}

// An item is bytes, or one message of the framing that is described.
type item struct {
	value value
	regex *regexp.Regexp
	any   bool
}

// Text returns a message of the given bytes.
func Text(b []byte) *Message {
	return &Message{items: []item{{value: value{data: b}}}}
}

func (m *Message) literal() bool {
	for _, it := range m.items {
		if it.any || it.regex != nil {
			return false
		}
	}
	return true
}

func (m *Message) size(f Framing) int64 {
	var n int64
	for _, it := range m.items {
		n = min(MaxBytes+1, n+it.value.size(f, MaxBytes))
	}
	return n
}

var errTooLarge = fmt.Errorf("more than %d MiB", MaxBytes>>20)

// Bytes returns the message's bytes in the given framing, random ones from r.
// It is an error if the message is a regex or any.
func (m *Message) Bytes(f Framing, r *rand.Rand) ([]byte, error) {
	p, err := m.Pattern(f, r)
	if err != nil {
		return nil, err
	}
	return p.Bytes()
}

// Pattern returns what a received message is held against.
func (m *Message) Pattern(f Framing, r *rand.Rand) (Pattern, error) {
	if m.size(f) > MaxBytes {
		return nil, errTooLarge
	}
	var p Pattern
	for _, it := range m.items {
		if it.any || it.regex != nil {
			p = append(p, Element{Regex: it.regex, Any: it.any})
			continue
		}
		b, err := it.value.resolve(nil, f, r)
		if err != nil {
			return nil, err
		}
		p = p.appendBytes(b)
	}
	return p, nil
}

// A Pattern is what must be received: its elements, one after the other. The
// empty pattern is matched by nothing being there.
type Pattern []Element

// An Element is exact bytes, or exactly one message of the framing.
type Element struct {
	Bytes []byte
	Regex *regexp.Regexp // the message matches it from beginning to end, with or without its frame
	Any   bool           // any message
}

var errNoBytes = errors.New("a regex or any has no bytes to send")

// Literal returns the bytes of a pattern that consists of bytes alone.
func (p Pattern) Literal() (b []byte, ok bool) {
	for _, e := range p {
		if e.Any || e.Regex != nil {
			return nil, false
		}
		b = append(b, e.Bytes...)
	}
	return b, true
}

// Bytes returns what a server sends; an error where the pattern is no literal.
func (p Pattern) Bytes() ([]byte, error) {
	b, ok := p.Literal()
	if !ok {
		return nil, errNoBytes
	}
	return b, nil
}

func (p Pattern) appendBytes(b []byte) Pattern {
	if last := len(p) - 1; last >= 0 && p[last].Regex == nil && !p[last].Any {
		p[last].Bytes = append(p[last].Bytes, b...)
		return p
	}
	return append(p, Element{Bytes: b})
}
