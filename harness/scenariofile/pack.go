package scenariofile

import (
	"fmt"
	"math"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/packed"
	"github.com/sockharness/harness/harness/scenario"
)

// PackAll returns what is needed to run scenarios as bytes, for another process of the same
// program: [UnpackAll] costs a small part of what reading JSON does.
func PackAll(sources []Source, summaries []Summary) []byte {
	b := packed.AppendNumber(nil, len(sources))
	for _, s := range sources {
		b = packed.AppendText(packed.AppendText(packed.AppendText(b, s.File), s.Text), s.Tree)
	}
	b = packed.AppendNumber(b, len(summaries))
	for _, s := range summaries {
		b = s.appendTo(b)
	}
	return b
}

func (s Summary) appendTo(b []byte) []byte {
	b = appendTexts(b, s.ID, s.Title, s.Why, s.Ref, string(s.Level), string(s.Role), string(s.Carrier), s.File)
	b = packed.AppendNumber(b, s.Line)
	alone := 0
	if s.Alone {
		alone = 1
	}
	b = packed.AppendNumber(b, alone)
	b = packed.AppendNumber(b, len(s.Targets))
	return appendTexts(b, s.Targets...)
}

func appendTexts(b []byte, texts ...string) []byte {
	for _, t := range texts {
		b = packed.AppendText(b, t)
	}
	return b
}

// UnpackAll returns what was packed.
func UnpackAll(data []byte) (sources []Source, summaries []Summary, err error) {
	u := unpacker{packed.NewReader(data, math.MaxInt32)}
	for range u.Count() {
		sources = append(sources, Source{File: u.Text(), Text: u.bytes(), Tree: u.bytes()})
	}
	for range u.Count() {
		summaries = append(summaries, u.summary())
	}
	if err := u.End(); err != nil {
		return nil, nil, fmt.Errorf("scenarios unpack: %w", err)
	}
	return sources, summaries, nil
}

// An unpacker reads sources and summaries.
type unpacker struct{ *packed.Reader }

func (u unpacker) summary() Summary {
	s := Summary{ID: u.Text(), Title: u.Text(), Why: u.Text(), Ref: u.Text(), Level: outcome.Level(u.Text()),
		Role: scenario.Role(u.Text()), Carrier: Transport(u.Text()), File: u.Text(), Line: u.Number(), Alone: u.Number() == 1}
	for range u.Count() {
		s.Targets = append(s.Targets, u.Text())
	}
	return s
}

func (u unpacker) bytes() []byte {
	if text := u.Text(); text != "" {
		return []byte(text)
	}
	return nil
}
