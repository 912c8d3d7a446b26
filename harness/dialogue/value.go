package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// A value is bytes as they are written down.
type value struct {
	form  form
	data  []byte  // of literal
	count int64   // of repeat: how often; of random: how many bytes
	of    []value // of repeat, framed, command and list
	head  *value  // of framed: what the header holds besides the length; nil: nothing is written
}

type form uint8

const (
	literal form = iota
	list
	repeat
	random
	framed
	template // data with ${names} in it
	command  // the words of a RESP command
)

// maxSize returns how many bytes the value has, at most: not more than limit+1 is
// counted, so that it cannot overflow.
func (v value) maxSize(f Framing, limit int64) int64 {
	var n int64
	for _, one := range v.of {
		n = min(limit+1, n+one.maxSize(f, limit))
	}
	switch v.form {
	case literal, template:
		n = int64(len(v.data))
	case random:
		n = v.count
	case framed:
		n += f.maxOverhead()
		if v.head != nil {
			n += v.head.maxSize(f, limit)
		}
	case command:
		n += int64(len(v.of)+1) * f.maxOverhead()
	case repeat:
		if n > 0 && v.count > limit/n {
			return limit + 1
		}
		n *= v.count
	}
	return min(n, limit+1)
}

// appendBytes appends the value's bytes to dst.
func (v value) appendBytes(dst []byte, f Framing, r *rand.Rand, lookup Lookup) ([]byte, error) {
	switch v.form {
	case literal:
		return append(dst, v.data...), nil
	case template:
		return appendTemplate(dst, v.data, lookup)
	case random:
		return appendRandom(dst, v.count, f, r), nil
	case command:
		return v.appendCommand(dst, f, r, lookup)
	}
	var inner []byte
	for _, one := range v.of {
		var err error
		if inner, err = one.appendBytes(inner, f, r, lookup); err != nil {
			return nil, err
		}
	}
	switch v.form {
	case repeat:
		return append(dst, bytes.Repeat(inner, int(v.count))...), nil
	case framed:
		head, err := v.headBytes(f, r, lookup)
		if err != nil {
			return nil, err
		}
		message, err := f.FrameWith(head, inner)
		return append(dst, message...), err
	}
	return append(dst, inner...), nil
}

// headBytes returns what the header of a message holds besides the length; nil where
// nothing is written.
func (v value) headBytes(f Framing, r *rand.Rand, lookup Lookup) ([]byte, error) {
	if v.head == nil {
		return nil, nil
	}
	return v.head.appendBytes([]byte{}, f, r, lookup)
}

func (v value) appendCommand(dst []byte, f Framing, r *rand.Rand, lookup Lookup) ([]byte, error) {
	if f.Kind != RESP {
		return nil, fmt.Errorf("a command is one of framing resp, and the framing is %s", f.Kind)
	}
	var words [][]byte
	for _, one := range v.of {
		word, err := one.appendBytes(nil, f, r, lookup)
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return append(dst, frameCommand(words)...), nil
}

// isFixed reports whether the value is the same bytes in every framing and run.
func (v value) isFixed() bool {
	if v.form != literal && v.form != list && v.form != repeat {
		return false
	}
	return !slices.ContainsFunc(v.of, func(one value) bool { return !one.isFixed() })
}

// appendRandom avoids CR and LF in a line framing, and the bytes of markers, where they
// would end the message.
func appendRandom(dst []byte, n int64, f Framing, r *rand.Rand) []byte {
	for range n {
		b := byte(r.Uint32())
		if f.Kind == Line && (b == '\n' || b == '\r') {
			b |= 0x40
		}
		for f.Kind == Markers && strings.IndexByte(f.Start+f.End, b) >= 0 {
			b++
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
	oneOf []*Message // alternatives
}

func (m *Message) isLiteral() bool {
	for _, it := range m.items {
		if it.any || it.regex != nil || it.oneOf != nil {
			return false
		}
	}
	return true
}

func (m *Message) maxSize(f Framing) int64 {
	var n int64
	for _, it := range m.items {
		longest := it.value.maxSize(f, MaxBytes)
		for _, one := range it.oneOf {
			longest = max(longest, one.maxSize(f))
		}
		n = min(MaxBytes+1, n+longest)
	}
	return n
}

var errTooLarge = fmt.Errorf("more than %d MiB", MaxBytes>>20)

// ResolvePattern returns what a received message is held against. A ${name} in it is
// taken as it is written; see [Message.ExpandPattern].
func (m *Message) ResolvePattern(f Framing, r *rand.Rand) (Pattern, error) {
	return m.ExpandPattern(f, r, nil)
}

// ExpandPattern is [Message.ResolvePattern] with each ${name} replaced by what lookup gives for
// it; a name that lookup does not know is an error.
func (m *Message) ExpandPattern(f Framing, r *rand.Rand, lookup Lookup) (Pattern, error) {
	if m.maxSize(f) > MaxBytes {
		return nil, errTooLarge
	}
	var p Pattern
	for _, it := range m.items {
		if it.oneOf != nil {
			e := Element{OneOf: []Pattern{}}
			for _, one := range it.oneOf {
				alternative, err := one.ExpandPattern(f, r, lookup)
				if err != nil {
					return nil, err
				}
				e.OneOf = append(e.OneOf, alternative)
			}
			p = append(p, e)
			continue
		}
		if it.any || it.regex != nil {
			regex, err := expandRegexp(it.regex, lookup)
			if err != nil {
				return nil, err
			}
			p = append(p, Element{Regex: regex, Any: it.any})
			continue
		}
		b, err := it.value.appendBytes(nil, f, r, lookup)
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
	SentBytes []byte         // exactly these bytes
	Regex     *regexp.Regexp // the message matches it from beginning to end, with or without its frame
	Any       bool           // any message
	OneOf     []Pattern      // the first of these that fits
}

func (e Element) isLiteral() bool { return !e.Any && e.Regex == nil && e.OneOf == nil }

var errNoBytes = errors.New("a regex or any has no bytes to send")

// LiteralBytes returns the bytes of a pattern that consists of bytes alone.
func (p Pattern) LiteralBytes() (b []byte, ok bool) {
	for _, e := range p {
		if !e.isLiteral() {
			return nil, false
		}
		b = append(b, e.SentBytes...)
	}
	return b, true
}

// SentBytes returns what a server sends; an error where the pattern is no literal.
func (p Pattern) SentBytes() ([]byte, error) {
	b, ok := p.LiteralBytes()
	if !ok {
		return nil, errNoBytes
	}
	return b, nil
}

func (p Pattern) appendBytes(b []byte) Pattern {
	if last := len(p) - 1; last >= 0 && p[last].isLiteral() {
		p[last].SentBytes = append(p[last].SentBytes, b...)
		return p
	}
	return append(p, Element{SentBytes: b})
}
