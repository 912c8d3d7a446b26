package waiver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/document"
	"github.com/sockharness/harness/harness/outcome"
)

// Expectations is the name, in a waiver, of what a scenario itself expects,
// which has no name in a result.
const Expectations = "expectations"

// A Waiver is one entry of a file. Scenario, Target, Variant and Check are
// patterns; an empty one matches everything.
type Waiver struct {
	Scenario, Target, Variant, Check Pattern

	Reason  string // never blank in a file that was loaded
	Issue   string
	Expires string // the last day on which it holds, as 2006-01-02; empty: it holds for ever
	Line    int    // of the file
	column  int
}

// covers reports whether the result is of a scenario, target and variant that
// the waiver speaks of.
func (w Waiver) covers(r outcome.Result) bool {
	return w.speaksOf(r.Target, r.Scenario) && w.Variant.match(r.Variant)
}

func (w Waiver) speaksOf(target, scenario string) bool {
	return w.Target.match(target) && w.Scenario.match(scenario)
}

// waives reports whether the result fails and the waiver says so.
func (w Waiver) waives(r outcome.Result) bool {
	return failing(r) && w.covers(r) && w.Check.match(checkName(r))
}

func failing(r outcome.Result) bool {
	return r.Verdict == outcome.Fail || r.Verdict == outcome.Flaky
}

func checkName(r outcome.Result) string {
	if r.Check == "" {
		return Expectations
	}
	return r.Check
}

func (w Waiver) expired(today time.Time) bool {
	return w.Expires != "" && today.Format(time.DateOnly) > w.Expires
}

// A File is what a waiver file says.
type File struct {
	Path    string
	Waivers []Waiver
	text    []byte
}

// Text returns the file as it was read.
func (f File) Text() []byte { return f.text }

// New returns the file that is not there yet.
func New(path string) File { return File{Path: path} }

// Load reads a file. All that is wrong with it is in the error, of type
// [document.Errors], with its place. A file that is not there is an error that
// wraps fs.ErrNotExist.
func Load(path string) (File, error) {
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, fmt.Errorf("%s: %w; --update-waivers makes it", path, fs.ErrNotExist)
	}
	if err != nil {
		return File{}, unreadable(path, err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, document.MaxSize+1))
	if err != nil {
		return File{}, unreadable(path, err)
	}
	return Parse(path, text)
}

func unreadable(path string, err error) error {
	var in *fs.PathError
	if errors.As(err, &in) {
		err = in.Err
	}
	return document.Errors{{File: path, Message: err.Error(), Hint: "give the path of a file that can be read"}}
}

// Parse reads a file's text; path is the name that errors carry. See [Load].
func Parse(path string, text []byte) (File, error) { return parse(path, text, false) }

// parse accepts blank reasons of entries that were just added.
func parse(path string, text []byte, blank bool) (File, error) {
	f := File{Path: path, text: text}
	root, err := document.Parse(path, text)
	if root == nil {
		return f, err
	}
	d := &decoder{blank: blank, seen: map[Waiver]int{}}
	d.Add(err)
	d.Fields(root, map[string]func(*document.Node){
		"version": func(n *document.Node) { d.Int(n, 1, 1) },
		"waivers": func(n *document.Node) {
			d.List(n, func(n *document.Node) { f.Waivers = append(f.Waivers, d.waiver(n)) })
		},
	}, "version", "waivers")
	return f, d.Err()
}

type decoder struct {
	document.Decoder
	blank bool
	seen  map[Waiver]int // what entries speak of, and in which line
}

func (d *decoder) waiver(n *document.Node) Waiver {
	w := Waiver{Line: n.Line(), column: n.Column()}
	failed := d.Failed()
	d.Fields(n, map[string]func(*document.Node){
		"scenario": d.pattern(&w.Scenario),
		"target":   d.pattern(&w.Target),
		"variant":  d.pattern(&w.Variant),
		"check":    d.pattern(&w.Check),
		"reason":   func(n *document.Node) { w.Reason = d.reason(n) },
		"issue":    func(n *document.Node) { w.Issue = d.Word(n) },
		"expires":  func(n *document.Node) { w.Expires = d.day(n) },
	}, "scenario", "target", "reason")
	if d.Failed() == failed {
		subject := Waiver{Scenario: w.Scenario, Target: w.Target, Variant: w.Variant, Check: w.Check}
		if line, twice := d.seen[subject]; twice {
			d.Report(n, "a waiver of the same is there twice", fmt.Sprintf("first in line %d; delete one", line))
		}
		d.seen[subject] = w.Line
	}
	return w
}

func (d *decoder) pattern(to *Pattern) func(*document.Node) {
	return func(n *document.Node) {
		*to = Pattern(d.Word(n))
		if err := to.check(); err != nil {
			d.Report(n, fmt.Sprintf("%q is no pattern", string(*to)), `* and ? match, \ takes the next character as it is`)
		}
	}
}

func (d *decoder) reason(n *document.Node) string {
	if n.Kind() == document.Nothing {
		d.Report(n, "the reason is missing", "say why this failure is accepted, or delete the entry")
		return ""
	}
	text := strings.TrimSpace(d.String(n))
	if text == "" && n.Kind() == document.Text && !d.blank {
		d.Report(n, "the reason is empty", "say why this failure is accepted, or delete the entry")
	}
	return text
}

func (d *decoder) day(n *document.Node) string {
	text := d.Word(n)
	if _, err := time.Parse(time.DateOnly, text); err != nil && text != "" {
		d.Report(n, fmt.Sprintf("%q is no day", text), "write it as 2027-01-31")
	}
	return text
}
