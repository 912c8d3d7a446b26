package scenariofile

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// errPacked is for bytes that PackAll did not make.
var errPacked = errors.New("not packed scenarios")

// PackAll returns what is needed to run scenarios as bytes, for another process of the same
// program: [UnpackAll] costs a small part of what reading JSON does.
func PackAll(sources []Source, summaries []Summary) []byte {
	b := binary.AppendUvarint(nil, uint64(len(sources)))
	for _, s := range sources {
		b = appendTexts(b, s.File, string(s.Text), string(s.Tree))
	}
	b = binary.AppendUvarint(b, uint64(len(summaries)))
	for _, s := range summaries {
		b = s.appendTo(b)
	}
	return b
}

func (s Summary) appendTo(b []byte) []byte {
	b = appendTexts(b, s.ID, s.Title, s.Why, s.Ref, string(s.Level), string(s.Role), string(s.Carrier), s.File)
	b = binary.AppendUvarint(b, uint64(s.Line))
	alone := 0
	if s.Alone {
		alone = 1
	}
	b = binary.AppendUvarint(b, uint64(alone))
	b = binary.AppendUvarint(b, uint64(len(s.Targets)))
	return appendTexts(b, s.Targets...)
}

func appendTexts(b []byte, texts ...string) []byte {
	for _, t := range texts {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	return b
}

// UnpackAll returns what was packed.
func UnpackAll(data []byte) (sources []Source, summaries []Summary, err error) {
	u := unpacker{left: string(data)}
	for range u.count() {
		sources = append(sources, Source{File: u.text(), Text: u.bytes(), Tree: u.bytes()})
	}
	for range u.count() {
		summaries = append(summaries, u.summary())
	}
	if u.failed || len(u.left) > 0 {
		return nil, nil, errPacked
	}
	return sources, summaries, nil
}

// An unpacker reads what is left. What it returns after a failure means nothing.
type unpacker struct {
	left   string
	failed bool
}

func (u *unpacker) summary() Summary {
	s := Summary{ID: u.text(), Title: u.text(), Why: u.text(), Ref: u.text(), Level: outcome.Level(u.text()),
		Role: scenario.Role(u.text()), Carrier: Transport(u.text()), File: u.text(), Line: u.number(), Alone: u.number() == 1}
	for range u.count() {
		s.Targets = append(s.Targets, u.text())
	}
	return s
}

// text returns a text, which shares memory with the others.
func (u *unpacker) text() string {
	size := u.count()
	text := u.left[:size]
	u.left = u.left[size:]
	return text
}

func (u *unpacker) bytes() []byte {
	if text := u.text(); text != "" {
		return []byte(text)
	}
	return nil
}

// count returns how many of something follow, each of which takes a byte at least.
func (u *unpacker) count() int {
	n := u.number()
	if n > len(u.left) {
		u.fail()
		return 0
	}
	return n
}

// number returns a number; 0 after a failure.
func (u *unpacker) number() int {
	v, size := uvarint(u.left)
	if size <= 0 || v > math.MaxInt32 {
		u.fail()
		return 0
	}
	u.left = u.left[size:]
	return int(v)
}

func (u *unpacker) fail() { u.left, u.failed = "", true }

// uvarint is [binary.Uvarint] of a string.
func uvarint(s string) (v uint64, size int) {
	return binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
}
