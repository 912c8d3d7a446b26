package waiver

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// heading begins a file that was not there.
const heading = `# Failures that are known and accepted. An entry that passes, matches nothing or
# has expired makes the run fail.
version: 1
waivers:
`

// editText returns the text without the entries to drop and with new ones at the
// end of the list.
func (f File) editText(drop map[int]bool, add []entry) ([]byte, error) {
	if len(f.text) == 0 {
		return []byte(heading + formatEntries(add, "  ", "\n")), nil
	}
	t := newText(f.text)
	if len(f.Waivers) == 0 {
		return t.fillEmptyList(f.Path, add)
	}
	blocks := make([]block, len(f.Waivers))
	for i, w := range f.Waivers {
		b, ok := t.findBlock(w)
		if !ok {
			return nil, fmt.Errorf("%s:%d: a list in brackets cannot be edited without losing comments; write one entry per block: - scenario: …", f.Path, w.Line)
		}
		blocks[i] = b
	}
	indent := strings.Repeat(" ", blocks[0].indent)
	tail := formatEntries(add, indent, t.end)
	last := blocks[len(blocks)-1].to
	if len(drop) == len(f.Waivers) && len(add) == 0 {
		return t.emptyText(blocks), nil
	}
	var out strings.Builder
	for i, line := range t.lines {
		if i == last {
			out.WriteString(tail)
		}
		if !isDropped(i, blocks, drop) {
			out.WriteString(line)
		}
		if i == len(t.lines)-1 && last > i {
			if line != "" && !strings.HasSuffix(line, "\n") && tail != "" {
				out.WriteString(t.end)
			}
			out.WriteString(tail)
		}
	}
	return []byte(out.String()), nil
}

func isDropped(line int, blocks []block, drop map[int]bool) bool {
	for i, b := range blocks {
		if drop[i] && line >= b.from && line < b.to {
			return true
		}
	}
	return false
}

// A text is the lines of a file, each with its end.
type text struct {
	lines []string
	end   string
}

func newText(data []byte) text {
	t := text{lines: strings.SplitAfter(string(data), "\n"), end: "\n"}
	if n := len(t.lines); t.lines[n-1] == "" {
		t.lines = t.lines[:n-1]
	}
	if strings.HasSuffix(t.lines[0], "\r\n") {
		t.end = "\r\n"
	}
	return t
}

// A block is the lines [from, to) of an entry and of the comment above it.
type block struct {
	from, to int
	indent   int // of the dash
}

// findBlock finds the lines of an entry of a list that is written with dashes.
func (t text) findBlock(w Waiver) (block, bool) {
	line := w.Line - 1
	before := t.lines[line][:min(w.column-1, len(t.lines[line]))]
	for strings.TrimSpace(before) == "" && line > 0 { // the dash is alone on a line above
		line--
		before, _, _ = strings.Cut(t.lines[line], "#")
	}
	if strings.TrimSpace(before) != "-" {
		return block{}, false
	}
	b := block{from: line, to: line + 1, indent: strings.IndexByte(before, '-')}
	for i := line + 1; i < len(t.lines) && (blankLine(t.lines[i]) || indentOf(t.lines[i]) > b.indent); i++ {
		if !blankLine(t.lines[i]) {
			b.to = i + 1
		}
	}
	b.to = max(b.to, w.Line)
	for b.from > 0 && strings.HasPrefix(strings.TrimSpace(t.lines[b.from-1]), "#") && indentOf(t.lines[b.from-1]) == b.indent {
		b.from--
	}
	return b, true
}

func blankLine(line string) bool { return strings.TrimSpace(line) == "" }

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// key matches the line that begins the list.
var key = regexp.MustCompile(`^(\s*(?:waivers|"waivers"|'waivers')\s*:)([^#]*?)(\s*#.*)?(\r?\n)?$`)

// fillEmptyList puts entries into a list that is empty.
func (t text) fillEmptyList(path string, add []entry) ([]byte, error) {
	for i, line := range t.lines {
		m := key.FindStringSubmatch(line)
		if m == nil || strings.ReplaceAll(strings.TrimSpace(m[2]), " ", "") != "[]" {
			continue
		}
		t.lines[i] = m[1] + m[3] + t.end + formatEntries(add, "  ", t.end)
		return []byte(strings.Join(t.lines, "")), nil
	}
	return nil, fmt.Errorf("%s: no line \"waivers: []\" was found; add it, and the entries are written below it", path)
}

// emptyText returns the text without any entry.
func (t text) emptyText(blocks []block) []byte {
	var out strings.Builder
	all := map[int]bool{}
	for i := range blocks {
		all[i] = true
	}
	for i, line := range t.lines {
		if m := key.FindStringSubmatch(line); m != nil && i < blocks[0].from+1 && strings.TrimSpace(m[2]) == "" {
			line = m[1] + " []" + m[3] + t.end
		}
		if !isDropped(i, blocks, all) {
			out.WriteString(line)
		}
	}
	return []byte(out.String())
}

// formatEntries is the text of new entries.
func formatEntries(add []entry, indent, end string) string {
	var out strings.Builder
	line := func(format string, args ...any) { out.WriteString(indent + fmt.Sprintf(format, args...) + end) }
	for _, e := range add {
		line("- scenario: %s", quoteScalar(string(e.Scenario)))
		line("  target: %s", quoteScalar(string(e.Target)))
		line("  check: %s", quoteScalar(string(e.Check)))
		if said := asComment(e.message); said != "" {
			line("  # %s", said)
		}
		line(`  reason: "" # say why this failure is accepted; the file is invalid without a reason`)
	}
	return out.String()
}

// asComment is the beginning of a message, as a comment.
func asComment(message string) string {
	const most = 100
	first, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffd {
			return '.'
		}
		return r
	}, first)
	if runes := []rune(clean); len(runes) > most {
		clean = string(runes[:most]) + "…"
	}
	return strings.TrimSpace(clean)
}

var (
	bare    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9/_.-]*$`)
	another = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|y|n|null)$`) // what some reader takes for no string
)

// quoteScalar writes a string so that any YAML reader takes it for one.
func quoteScalar(s string) string {
	if bare.MatchString(s) && !another.MatchString(s) {
		return s
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out) // JSON is YAML
	encoder.SetEscapeHTML(false)
	if encoder.Encode(s) != nil {
		return `""`
	}
	return strings.TrimSpace(out.String())
}
