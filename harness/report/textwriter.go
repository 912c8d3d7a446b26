package report

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A style is an SGR parameter (ECMA-48 §8.3.117); plain is none.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// A span is a piece of a line in one style.
type span struct {
	style style
	text  string
}

// A textWriter collects lines. Every text is escaped on its way in, so that
// the only control characters on a page are its line ends and its own styles.
type textWriter struct {
	buf   bytes.Buffer
	color bool
	width int // columns; 0: lines are not wrapped
}

// addLine adds one line. It is never wrapped.
func (p *textWriter) addLine(spans ...span) {
	for _, s := range spans {
		text := escapeLine(s.text)
		if !p.color || s.style == plain || text == "" {
			p.buf.WriteString(text)
			continue
		}
		p.buf.WriteString("\x1b[" + string(s.style) + "m" + text + "\x1b[0m")
	}
	p.buf.WriteByte('\n')
}

func (p *textWriter) addBlank() {
	if p.buf.Len() > 0 {
		p.buf.WriteByte('\n')
	}
}

// addText adds the lines, each indented and wrapped at the width; what is wrapped
// is indented by two more.
func (p *textWriter) addText(indent string, st style, lines ...string) {
	for _, line := range lines {
		p.addHanging(indent, "", st, line, 2)
	}
}

// addHanging adds the lead and the line, which is wrapped below itself and by hang
// more.
func (p *textWriter) addHanging(indent, lead string, st style, line string, hang int) {
	lead = escapeLine(lead)
	hang += utf8.RuneCountInString(lead)
	for i, part := range wrapText(escapeLine(line), p.width-utf8.RuneCountInString(indent)-hang) {
		if i > 0 {
			lead = strings.Repeat(" ", hang)
		}
		p.addLine(span{plain, indent}, span{st, lead + part})
	}
}

// wrapText breaks s into parts of at most width runes, at spaces where there are
// any. A width that is too small to be useful means no wrapping.
func wrapText(s string, width int) []string {
	const useful = 20
	if width < useful {
		return []string{s}
	}
	var parts []string
	runes := []rune(s)
	for len(runes) > width {
		cut := width
		if space := lastSpace(runes[:width+1]); space > width/2 {
			cut = space
		}
		parts = append(parts, strings.TrimRight(string(runes[:cut]), " "))
		runes = runes[cut:]
		for len(runes) > 0 && runes[0] == ' ' {
			runes = runes[1:]
		}
	}
	if len(runes) > 0 || len(parts) == 0 {
		parts = append(parts, string(runes))
	}
	return parts
}

func lastSpace(runes []rune) int {
	for i := len(runes) - 1; i >= 0; i-- {
		if runes[i] == ' ' {
			return i
		}
	}
	return -1
}
