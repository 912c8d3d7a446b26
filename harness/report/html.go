package report

import (
	"bytes"
	_ "embed" // the page's parts
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

const (
	// maxFindings is how many findings are told in full.
	maxFindings = 300
	// maxPage bounds what is rendered of findings, in bytes; what is over is in the result
	// inside the page.
	maxPage = 3 << 20
	// maxEmbedded bounds the result inside the page, compressed; what is over loses events.
	maxEmbedded = 4 << 20
)

//go:embed html/report.tmpl
var pageTemplate string

//go:embed html/report.css
var pageCSS string

//go:embed html/report.js
var pageJS string

// WriteHTML writes the document as one HTML file that needs no network: the verdict, what
// needs attention, a matrix of targets and topics, each finding in full, every sweep as a
// strip, and the document itself, which [ReadRun] reads back. It has at most about 8 MiB,
// and says how many findings and events it leaves out.
func WriteHTML(w io.Writer, d outcome.Run, strict bool) error {
	embedded, left, err := embedFitting(d, strict)
	if err != nil {
		return err
	}
	page := newPage(d, strict)
	page.Left = left
	parts, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("html template: %w", err)
	}
	var b bytes.Buffer
	if err := parts.ExecuteTemplate(&b, "head", page); err != nil {
		return fmt.Errorf("html write: %w", err)
	}
	b.WriteString(embedStart + embedded + embedEnd)
	if err := parts.ExecuteTemplate(&b, "foot", page); err != nil {
		return fmt.Errorf("html write: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// embedFitting packs the document. One that is too long loses the events and the standard
// error of all results but the examples of findings; the sentence says how many.
func embedFitting(d outcome.Run, strict bool) (text, left string, err error) {
	text, err = embedJSON(d)
	if err != nil || len(text) <= maxEmbedded {
		return text, "", err
	}
	examples := map[string]bool{}
	for _, g := range groupResults(d.Results, strict, false) {
		if len(examples) < maxFindings {
			examples[resultID(g.exampleResult())] = true
		}
	}
	n := 0
	results := make([]outcome.Result, len(d.Results))
	for i, r := range d.Results {
		if !examples[resultID(r)] {
			n += len(r.Events)
			r.Events, r.Stderr = nil, ""
		}
		results[i] = r
	}
	d.Results = results
	text, err = embedJSON(d)
	return text, fmt.Sprintf("%s are left out of the result inside this file, which is limited to %d MiB; the JSON file has them.", plural.Count(n, "event"), maxEmbedded>>20), err
}

// resultID is the id of a result's element.
func resultID(r outcome.Result) string {
	return "f-" + fingerprint(r.Target, r.Scenario, r.Variant, r.Check, string(r.Verdict))[:10]
}

// A page is what the template shows.
type page struct {
	CSS           template.CSS
	JS            template.JS
	Headline      headline
	Title         string
	Tiles         []pageTile
	Started       string
	Elapsed       string
	Seed          int64
	ID            string
	Shard         string
	Nav           []pageLink
	Problems      []runProblem
	Attention     []pageFinding
	AttentionLeft string
	Matrix        *pageMatrix
	Legend        []pageSign
	Diff          *pageDiff
	Findings      []pageFinding
	FindingsLeft  string
	Sweeps        []pageTarget
	Facts         []pageFact
	Command       *pageCopy
	Left          string
}

type pageTile struct {
	Word, Class string
	Count       int
}

type pageLink struct {
	ID, Name string
	Count    int
}

type pageFact struct{ Name, Value string }

type pageCopy struct{ Name, Text, Button string }

// A pageSign tells a verdict by colour and by sign.
type pageSign struct{ Class, Sign, Word string }

func newPage(d outcome.Run, strict bool) page {
	p := page{CSS: template.CSS(pageCSS), JS: template.JS(pageJS), Headline: headlineOf(d, strict), Title: cleanLine(countTargets(d.Results)),
		Started: d.Started.UTC().Format("2006-01-02 15:04:05 UTC"), Elapsed: fmt.Sprintf("%.1f s", d.Elapsed.ToDuration().Seconds()), Seed: d.Seed, ID: cleanLine(d.ID),
		Problems: runProblems(d, strict), Tiles: pageTiles(d, strict), Legend: pageLegend(), Diff: newDiff(d)}
	if d.Shard != nil {
		p.Shard = "shard " + d.Shard.String()
	}
	if d.Shards != nil {
		p.Shard = "merged from " + plural.Count(len(d.Shards.Held), "shard")
	}
	strips := stripsOf(d, strict)
	index := p.addFindings(d, strict, strips)
	for _, strip := range strips {
		strip.link(index)
	}
	p.Matrix = newPageMatrix(d, strict, index)
	p.Sweeps = pageSweeps(d, strips)
	p.addEnvironment(d)
	p.addNav()
	return p
}

func pageTiles(d outcome.Run, strict bool) []pageTile {
	var counts [sections]int
	for _, r := range d.Results {
		counts[sectionOf(r, strict)]++
	}
	var tiles []pageTile
	for _, t := range tallies {
		n := 0
		for _, s := range t.sections {
			n += counts[s]
		}
		if n > 0 || t.word == "passed" {
			tiles = append(tiles, pageTile{t.word, signOf(t.sections[len(t.sections)-1]).Class, n})
		}
	}
	return tiles
}

// signOf returns how a section is shown.
func signOf(s section) pageSign {
	switch s {
	case passed:
		return pageSign{"pass", "✓", "pass"}
	case unsupported:
		return pageSign{"off", "–", "unsupported"}
	case waived:
		return pageSign{"warn", "w", "waived"}
	case ongoing:
		return pageSign{"warn", "=", "ongoing"}
	case forInformation:
		return pageSign{"off", "i", "info"}
	case may:
		return pageSign{"off", "?", "may"}
	case should:
		return pageSign{"warn", "!", "should"}
	case flaky:
		return pageSign{"warn", "~", "flaky"}
	case stale:
		return pageSign{"fail", "s", "stale"}
	case blocked:
		return pageSign{"invalid", "b", "blocked"}
	case invalid:
		return pageSign{"invalid", "∅", "invalid"}
	}
	return pageSign{"fail", "✗", "fail"}
}

func pageLegend() []pageSign {
	var signs []pageSign
	for s := failed; ; s-- {
		if s != failedShould {
			signs = append(signs, signOf(s))
		}
		if s == passed {
			return signs
		}
	}
}

func (p *page) addEnvironment(d outcome.Run) {
	add := func(name, value string) {
		if value != "" {
			p.Facts = append(p.Facts, pageFact{name, cleanLine(value)})
		}
	}
	add("seed", fmt.Sprint(d.Seed))
	add("run", d.ID)
	add("started", p.Started)
	if e := d.Environment; e != nil {
		add("harness", e.Version)
		add("system", strings.TrimSpace(e.OS+" "+e.Kernel))
		add("CPUs", fmt.Sprint(e.CPUs))
		add("host", e.Host)
		add("CI", e.CI)
		add("commit", e.Commit)
		add("configuration", e.Config)
		if len(e.Command) > 0 {
			p.Command = &pageCopy{"The command of this run", cleanLine(quoteCommand(e.Command)), "Copy command"}
		}
	}
	add("stopped", d.Stopped)
}

// quoteCommand writes words as a shell reads them.
func quoteCommand(words []string) string {
	quotedWords := make([]string, len(words))
	for i, w := range words {
		quotedWords[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$`&|;<>()*?[]{}#~!") {
			quotedWords[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quotedWords, " ")
}

func (p *page) addNav() {
	add := func(id, name string, count int, there bool) {
		if there {
			p.Nav = append(p.Nav, pageLink{id, name, count})
		}
	}
	add("problems", "Problems", len(p.Problems), len(p.Problems) > 0)
	add("attention", "Attention", len(p.Attention), true)
	add("matrix", "Matrix", 0, p.Matrix != nil)
	add("diff", "Baseline", 0, p.Diff != nil)
	add("findings", "Findings", len(p.Findings), len(p.Findings) > 0)
	add("sweeps", "All scenarios", 0, len(p.Sweeps) > 0)
	add("environment", "Environment", 0, true)
}

// A pageDiff is the comparison with a baseline.
type pageDiff struct {
	Name, Counts string
	States       []pageState
}

type pageState struct {
	Title string
	Count int
	Open  bool
	Lines []string
}

func newDiff(d outcome.Run) *pageDiff {
	const most = 200
	c := d.Baseline
	if c == nil {
		return nil
	}
	diff := &pageDiff{Name: orDash(c.Name), Counts: CountStates(*c)}
	for i := range stateTitles {
		t := stateTitles[len(stateTitles)-1-i]
		if n := c.Counts[t.state]; n > 0 {
			diff.States = append(diff.States, pageState{t.title, n, t.style == red, headLines(stateLines(*c, t.state), most)})
		}
	}
	return diff
}
