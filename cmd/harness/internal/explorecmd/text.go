package explorecmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// tellResult shows people what a search came to.
func (x *exploration) tellResult(t scenario.Target, r explore.Result) {
	x.tellStrips(r)
	for i, f := range r.Findings {
		x.tellFinding(i, f)
	}
	for _, remark := range r.Remarks {
		x.terminal.Printf("\nremark: %s\n  %s\n  declare it to make it count: %s\n", sanitize(remark.Rule), sanitize(remark.Detail), remark.Declare)
	}
	x.tellResolved(t, r)
	x.terminal.Printf("\n%s: %s\n", t.Name, summary(r))
}

// summary is the last line on a search.
func summary(r explore.Result) string {
	text := fmt.Sprintf("%d of %s in %s (%.0f a second)", r.Played, plural.Count(r.Plan.Points, "point"), r.Elapsed.Round(time.Millisecond), perSecond(r))
	if r.NotReached > 0 {
		text += fmt.Sprintf(", %d not reached", r.NotReached)
	}
	if r.Left > 0 {
		text += fmt.Sprintf(", at least %d left", r.Left)
	}
	switch n := len(r.Findings); n {
	case 0:
		text += ": nothing found"
	default:
		text += ": " + plural.Count(n, "finding")
	}
	return text
}

func (x *exploration) tellFinding(i int, f explore.Finding) {
	x.terminal.Printf("\n%c  %s %s (%s, seen %d of 3 times)\n", letter(i), x.paint(true, strings.ToUpper(string(f.Severity))), f.ID, f.State, f.Confirmed)
	x.terminal.Printf("   %s\n", sanitize(f.Rule))
	x.terminal.Printf("   witness: %s\n", f.Witness)
	for _, line := range strings.Split(f.Detail, "\n") {
		x.terminal.Printf("     %s\n", sanitize(line))
	}
	if f.LastGreen != nil {
		x.terminal.Printf("   still right: %s\n", *f.LastGreen)
	}
	x.terminal.Printf("   given by then:\n")
	for _, line := range strings.Split(f.Given, "\n") {
		x.terminal.Printf("     %s\n", line)
	}
	if len(f.NoMatter) > 0 {
		x.terminal.Printf("   does not matter: %s\n", strings.Join(f.NoMatter, "; "))
	}
	x.tellTimelines(f)
	if f.Replay != "" {
		x.terminal.Printf("   replay: %s\n   file:   %s\n", f.Replay, f.File)
	}
}

func letter(i int) byte { return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i%26] }

// tellTimelines shows what happened without and with the fault, side by side where the
// screen is wide enough.
func (x *exploration) tellTimelines(f explore.Finding) {
	if len(f.Red) == 0 {
		return
	}
	half := (x.terminal.Width() - 8) / 2
	if half < 44 {
		x.terminal.Printf("   timeline:\n")
		for _, line := range f.Red {
			x.terminal.Printf("     %s\n", sanitize(line))
		}
		return
	}
	x.terminal.Printf("   %-*s   %s\n", half, "right:", "wrong:")
	for i := range max(len(f.Green), len(f.Red)) {
		x.terminal.Printf("   %-*s   %s\n", half, cut(lineAt(f.Green, i), half), cut(lineAt(f.Red, i), half))
	}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return sanitize(lines[i])
	}
	return ""
}

func cut(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}

// tellStrips shows a row of cells for each fault, a sign and a colour for each byte.
func (x *exploration) tellStrips(r explore.Result) {
	if len(r.Strips) == 0 {
		return
	}
	direction := ""
	for _, s := range r.Strips {
		if d := s.Direction.String(); d != direction {
			direction = d
			x.terminal.Printf("\n%s, %s\n", d, map[bool]string{false: "bytes from 0 on", true: "datagrams from 1 on"}[s.Datagrams])
		}
		room := max(20, x.terminal.Width()-21)
		cells := s.Cells
		if !s.Datagrams {
			cells = strings.Repeat(" ", int(min(s.From, 1))) + cells
		}
		x.terminal.Printf("  %-17s %s\n", s.Fault, x.paintCells(squeeze(cells, room)))
	}
	x.terminal.Printf("  %s\n", "+ right   A… finding   r remark   o not reached   . not all tried   - no point")
}

// squeeze joins neighbouring cells until the row fits; what is worse wins.
func squeeze(cells string, room int) string {
	if len(cells) <= room {
		return cells
	}
	per := (len(cells) + room - 1) / room
	var out strings.Builder
	for at := 0; at < len(cells); at += per {
		best := byte('-')
		for _, c := range []byte(cells[at:min(at+per, len(cells))]) {
			if weight(c) > weight(best) {
				best = c
			}
		}
		out.WriteByte(best)
	}
	return out.String()
}

func weight(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return 5
	case c == 'u':
		return 4
	}
	return strings.IndexByte(" -+o.r", c)
}

func (x *exploration) paintCells(cells string) string {
	if !x.terminal.Color {
		return cells
	}
	var out strings.Builder
	for _, c := range []byte(cells) {
		color := ""
		switch {
		case c == '+':
			color = "32"
		case c >= 'A' && c <= 'Z':
			color = "1;37;41"
		case c == 'r' || c == 'u':
			color = "33"
		case c == 'o' || c == '.':
			color = "2"
		}
		if color == "" {
			out.WriteByte(c)
			continue
		}
		fmt.Fprintf(&out, "\x1b[%sm%c\x1b[0m", color, c)
	}
	return out.String()
}

// tellResolved names the findings of the baseline that are gone.
func (x *exploration) tellResolved(t scenario.Target, r explore.Result) {
	seen := map[string]bool{}
	for _, f := range r.Findings {
		seen[f.ID] = true
	}
	for id, f := range x.before {
		if f.Target == t.Name && !seen[id] {
			x.terminal.Printf("\nresolved: %s %s\n", id, sanitize(f.Rule))
		}
	}
}
