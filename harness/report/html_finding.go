package report

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// A pageFinding is a group told in full.
type pageFinding struct {
	pageSign
	ID      string
	Title   string
	State   string
	Level   string
	Share   string
	First   string // line of the message
	Purpose []pageFact
	Strip   *pageStrip
	Message []pageLine
	Facts   []string
	Lanes   []pageLane
	Stderr  string
	Agree   *pageList
	Copies  []pageCopy
	Hidden  []pageCopy // behind a summary
}

type pageList struct {
	Title string
	Lines []string
}

// A pageLine is a line of a message; Mark is its first difference.
type pageLine struct{ Class, Before, Mark, After string }

// A findingIndex finds the element that tells a result.
type findingIndex map[string]string

// addFindings tells what needs attention: what turns the run red first, then what is
// flaky, stale or of lower levels. It returns where each result is told.
func (p *page) addFindings(d outcome.Run, strict bool, strips map[scenarioKey]*pageStrip) findingIndex {
	index := findingIndex{}
	all := groupResults(d.Results, strict, false)
	groups := redGroups(all, strict)
	for s := failed; s > unsupported; s-- {
		for _, g := range all {
			if g.section == s && !g.turnsRed(strict) {
				groups = append(groups, g)
			}
		}
	}
	size, left := 0, 0
	for _, g := range groups {
		if len(p.Findings) >= maxFindings || size > maxPage {
			left++
			continue
		}
		f := newFinding(d, g, strips)
		size += f.size()
		for _, part := range append([]group{g}, append(g.agreeing, g.blocked...)...) {
			for _, r := range part.results {
				index[resultID(r)] = f.ID
			}
		}
		p.Findings = append(p.Findings, f)
		if s := g.section; g.turnsRed(strict) || s == flaky || s == stale || s == should {
			p.Attention = append(p.Attention, f)
		}
	}
	if left > 0 {
		p.FindingsLeft = fmt.Sprintf("%s left out of this page; the result inside has them.", isAre(left, "more finding"))
		p.AttentionLeft = p.FindingsLeft
	}
	return index
}

func newFinding(d outcome.Run, g group, strips map[scenarioKey]*pageStrip) pageFinding {
	r := g.exampleResult()
	f := pageFinding{pageSign: signOf(g.section), ID: resultID(r), Title: cleanLine(g.subjectName()), State: string(r.State), Level: levelNames(g),
		First: shortLine(r.Message), Purpose: pagePurpose(d, r), Facts: factLines(r), Stderr: cleanText(r.Stderr)}
	if r.Verdict == outcome.Fail && f.Word != "fail" {
		f.Word = "fail, level " + f.Word
	}
	if len(g.scenarios) > 1 {
		f.Share = cleanLine(elideWords(g.scenarios))
	} else {
		f.Share = cleanLine(variantShare(g))
		if strip, known := strips[scenarioKey{r.Target, r.Scenario}]; known && strip.Variants > 1 {
			f.Strip = strip
		}
	}
	if r.Verdict != outcome.Pass {
		f.Message = messageLines(r.Message)
	}
	for _, note := range r.Notes {
		f.Facts = append(f.Facts, "note: "+cleanLine(note))
	}
	for _, remark := range r.Remarks {
		f.Facts = append(f.Facts, "remark: "+cleanLine(remark.String()))
	}
	f.Lanes = pageLanes(d, r)
	f.Agree = agreeing(g)
	f.addCopies(d, r)
	return f
}

func pagePurpose(d outcome.Run, r outcome.Result) []pageFact {
	var facts []pageFact
	add := func(name string, text string) {
		if text != "" {
			facts = append(facts, pageFact{name, strings.Join(cleanLines(text), " ")})
		}
	}
	about := d.Scenarios[r.Scenario]
	if r.Check != "" {
		check := d.Checks[r.Check]
		add("check", check.Title)
		add("why", check.Rationale)
		add("reference", check.Ref)
		add("scenario", about.Title)
		return facts
	}
	add("expected", about.Title)
	add("why", about.Rationale)
	add("reference", about.Ref)
	if about.File != "" {
		add("written in", fmt.Sprintf("%s:%d", about.File, about.Line))
	}
	return facts
}

func agreeing(g group) *pageList {
	if len(g.agreeing)+len(g.blocked) == 0 {
		return nil
	}
	list := &pageList{Title: fmt.Sprintf("%s probably the same cause", haveHas(len(g.agreeing)+len(g.blocked), "more finding"))}
	for _, other := range append(append([]group{}, g.agreeing...), g.blocked...) {
		line := other.subjectName() + ": " + string(other.results[0].Verdict)
		if share := variantShare(other); share != "" {
			line += ", " + share
		}
		list.Lines = append(list.Lines, cleanLine(line))
	}
	return list
}

// addCopies adds what is there to be copied.
func (f *pageFinding) addCopies(d outcome.Run, r outcome.Result) {
	if r.Replay != "" {
		f.Copies = append(f.Copies, pageCopy{"Replay", cleanLine(r.Replay), "Copy replay"})
	}
	for _, file := range r.Captures {
		f.Copies = append(f.Copies, pageCopy{"What passed, as pcapng", cleanLine(file), "Copy path"})
	}
	if source := scenarioSource(d, r); source != "" {
		f.Hidden = append(f.Hidden, pageCopy{"Scenario file", source, "Copy scenario"})
	}
	f.Hidden = append(f.Hidden, pageCopy{"Account in plain text", accountOf(d, r), "Copy account"})
}

// size is about how many bytes the finding takes in the page.
func (f pageFinding) size() int {
	n := 2000 + len(f.Stderr)
	for _, line := range f.Message {
		n += len(line.Before) + len(line.After) + 40
	}
	for _, lane := range f.Lanes {
		n += 200*len(lane.Rows) + 120*len(lane.Marks)
	}
	for _, c := range f.Hidden {
		n += len(c.Text)
	}
	return n
}

// messageLines splits a message, colours what was wanted and what came, and marks where
// the two first differ.
func messageLines(message string) []pageLine {
	lines := headLines(cleanLines(message), 200)
	out := make([]pageLine, len(lines))
	want := -1
	for i, line := range lines {
		out[i] = pageLine{Before: line}
		switch trimmed := strings.TrimLeft(line, " "); {
		case strings.HasPrefix(trimmed, "want ") || strings.HasPrefix(line, "  - "):
			out[i].Class, want = "want", i
		case strings.HasPrefix(trimmed, "got ") || strings.HasPrefix(line, "  + "):
			out[i].Class = "got"
			if want == i-1 && want >= 0 {
				markDifference(&out[want], &out[i])
			}
		}
	}
	return out
}

// markDifference marks the first character in which two lines differ, behind the words
// that begin them.
func markDifference(want, got *pageLine) {
	const lead = len("  want ")
	a, b := []rune(want.Before), []rune(got.Before)
	at := lead
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	for line, runes := range map[*pageLine][]rune{want: a, got: b} {
		if at < len(runes) {
			line.Before, line.Mark, line.After = string(runes[:at]), string(runes[at]), string(runes[at+1:])
		}
	}
}
