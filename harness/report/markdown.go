package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// maxMarkdown bounds the summary: GitHub drops one of more than 1 MiB whole.
const maxMarkdown = 1<<20 - 4096

// WriteMarkdown writes a summary for people: the verdict, what needs attention, a table,
// the rest in one line each. It is cut at whole sections below 1 MiB.
func WriteMarkdown(w io.Writer, d outcome.Run, strict bool) error {
	_, err := io.WriteString(w, fitSections(markdownSections(d, strict), maxMarkdown))
	return err
}

// fitSections joins as many sections as fit, and says how many are left out.
func fitSections(sections []string, limit int) string {
	var b strings.Builder
	for i, s := range sections {
		note := fmt.Sprintf("\n_%s left out here, because a summary may have 1 MiB: see the JSON or HTML report._\n", isAre(len(sections)-i, "section"))
		if b.Len()+len(s)+len(note) > limit {
			b.WriteString(note)
			break
		}
		b.WriteString(s)
	}
	return b.String()
}

func markdownSections(d outcome.Run, strict bool) []string {
	h := headlineOf(d, strict)
	sign := "✅"
	if h.Red {
		sign = "❌"
	}
	sections := []string{fmt.Sprintf("# %s harness: %s\n\n%s\n\n%s\n", sign, h.Word, markdownText(h.Sentence), markdownText(SummaryLine(d, strict))),
		markdownTable(d, strict), markdownStates(d)}
	for _, p := range runProblems(d, strict) {
		sections = append(sections, fmt.Sprintf("\n## Harness: %s\n\n%s", markdownText(p.Name), fenced(p.Text)))
	}
	groups := groupResults(d.Results, strict, false)
	for _, g := range redGroups(groups, strict) {
		sections = append(sections, markdownGroup(d, g))
	}
	for s := failed; s > passed; s-- {
		var rest []group
		for _, g := range groups {
			if g.section == s && !g.turnsRed(strict) {
				rest = append(rest, g)
			}
		}
		if len(rest) > 0 {
			sections = append(sections, markdownRest(s, rest))
		}
	}
	return slices.DeleteFunc(append(sections, markdownFooter(d)), func(s string) bool { return s == "" })
}

func markdownTable(d outcome.Run, strict bool) string {
	names, counted, used := countByTarget(d, strict)
	if len(names) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n")
	for i, row := range tableRows(names, counted, used) {
		for j, cell := range row {
			row[j] = markdownText(cell)
		}
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---|" + strings.Repeat("---:|", len(row)-1) + "\n")
		}
	}
	return b.String()
}

// markdownGroup tells what turns the run red, in full but folded.
func markdownGroup(d outcome.Run, g group) string {
	r := g.exampleResult()
	var b bytes.Buffer
	state := ""
	if r.State != "" {
		state = string(r.State) + ", "
	}
	fmt.Fprintf(&b, "\n## %s (%s%s): %s\n\n", strings.ToUpper(string(r.Verdict)), state, levelNames(g), markdownText(g.subjectName()))
	if len(g.scenarios) > 1 {
		fmt.Fprintf(&b, "%s\n\n", markdownText(elideWords(g.scenarios)))
	} else if share := variantShare(g); share != "" {
		fmt.Fprintf(&b, "%s\n\n", markdownText(share))
	}
	for _, line := range scenarioPurpose(d, r) {
		fmt.Fprintf(&b, "%s  \n", markdownText(line))
	}
	b.WriteString("\n" + fenced(strings.Join(headLines(cleanLines(r.Message), mostMessage), "\n")))
	if details := strings.TrimRight(systemOut(d, r), "\n"); details != "" {
		fmt.Fprintf(&b, "\n<details><summary>Timeline</summary>\n\n%s\n</details>\n", fenced(details))
	}
	if text := cleanLines(r.Stderr); len(text) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>Standard error</summary>\n\n%s\n</details>\n", fenced(strings.Join(text, "\n")))
	}
	if r.Replay != "" {
		fmt.Fprintf(&b, "\nReplay:\n\n%s", fenced(cleanLine(r.Replay)))
	}
	return b.String()
}

// markdownRest names what turns nothing red, one line each.
func markdownRest(s section, groups []group) string {
	const most = 50
	title := titles[s]
	if title == "" {
		title = string(groups[0].results[0].Verdict)
	}
	var lines []string
	for _, g := range groups {
		lines = append(lines, fmt.Sprintf("- %s: %s", markdownText(g.subjectName()), markdownText(shortLine(g.exampleResult().Message))))
	}
	if n := len(lines); n > most {
		lines = append(lines[:most], fmt.Sprintf("- %d more", n-most))
	}
	return fmt.Sprintf("\n<details><summary>%s (%d)</summary>\n\n%s\n\n</details>\n", markdownText(title), len(groups), strings.Join(lines, "\n"))
}

func markdownStates(d outcome.Run) string {
	c := d.Baseline
	if c == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Compared with %s: %s\n\n", markdownText(orDash(c.Name)), CountStates(*c))
	for _, t := range slices.Backward(stateTitles) {
		for _, line := range headLines(stateLines(*c, t.state), maxStates) {
			fmt.Fprintf(&b, "- **%s** %s\n", t.state, markdownText(line))
		}
	}
	return b.String()
}

func markdownFooter(d outcome.Run) string {
	text := fmt.Sprintf("\n---\n\nseed %d", d.Seed)
	if d.ID != "" {
		text += " · run " + markdownText(d.ID)
	}
	if e := d.Environment; e != nil {
		text += " · harness " + markdownText(e.Version) + " · " + markdownText(e.OS)
	}
	return text + "\n"
}

// markdownText escapes a line of text, so that Markdown shows it as it is.
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range cleanLine(s) {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_{}[]()#|~@!", r):
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// fenced returns the text as a block of code whose fence it cannot close.
func fenced(text string) string {
	if text == "" {
		return ""
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "text\n" + text + "\n" + fence + "\n"
}
