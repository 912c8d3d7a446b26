package waiver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/strictyaml"
)

// Expectations is the name, in a waiver, of what a scenario itself expects,
// which has no name in a result.
const Expectations = "expectations"

// A Waiver is one entry of a file. Scenario, Target, Variant and Check are
// patterns; an empty one matches everything.
type Waiver struct {
	Scenario Pattern `json:"scenario" jsonschema:"required,description=Scenario that fails; * and ? match."`
	Target   Pattern `json:"target" jsonschema:"required,description=Target on which it fails; * and ? match."`
	Variant  Pattern `json:"variant,omitempty" jsonschema:"description=Variant such as byte=12. Without: every one."`
	Check    Pattern `json:"check,omitempty" jsonschema:"description=Oracle that fails or expectations. Without: every one."`
	Reason   string  `json:"reason" jsonschema:"required,description=Why the failure is accepted."` // never blank in a file that was loaded
	Issue    string  `json:"issue,omitempty" jsonschema:"description=Where it was reported."`
	Expires  string  `json:"expires,omitempty" jsonschema:"description=Last day on which the waiver holds such as 2027-01-31."` // empty: it holds forever
	Line     int     `json:"-"`                                                                                                 // of the file
	column   int
}

// appliesTo reports whether the result is of a scenario, target and variant that
// the waiver speaks of.
func (w Waiver) appliesTo(r outcome.Result) bool {
	return w.speaksOf(r.Target, r.Scenario) && w.Variant.matchName(r.Variant)
}

func (w Waiver) speaksOf(target, scenario string) bool {
	return w.Target.matchName(target) && w.Scenario.matchName(scenario)
}

// waivesResult reports whether the result fails and the waiver says so.
func (w Waiver) waivesResult(r outcome.Result) bool {
	return isFailing(r) && w.appliesTo(r) && w.Check.matchName(checkName(r))
}

func isFailing(r outcome.Result) bool {
	return r.Verdict == outcome.Fail || r.Verdict == outcome.Flaky
}

func checkName(r outcome.Result) string {
	if r.Check == "" {
		return Expectations
	}
	return r.Check
}

func (w Waiver) hasExpired(today time.Time) bool {
	return w.Expires != "" && today.Format(time.DateOnly) > w.Expires
}

// A File is what a waiver file says.
type File struct {
	Path    string   // path of the file
	Waivers []Waiver // its entries, in order
	text    []byte
}

// RawText returns the file as it was read.
func (f File) RawText() []byte { return f.text }

// NewFile returns the file that is not there yet.
func NewFile(path string) File { return File{Path: path} }

// LoadFile reads a file. All that is wrong with it is in the error, of type
// [strictyaml.Errors], with its place. A file that is not there is an error that
// wraps fs.ErrNotExist.
func LoadFile(path string) (File, error) {
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, fmt.Errorf("%s: %w; --update-waivers creates it", path, fs.ErrNotExist)
	}
	if err != nil {
		return File{}, unreadableError(path, err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, strictyaml.MaxSize+1))
	if err != nil {
		return File{}, unreadableError(path, err)
	}
	return ParseText(path, text)
}

func unreadableError(path string, err error) error {
	var in *fs.PathError
	if errors.As(err, &in) {
		err = in.Err
	}
	return strictyaml.Errors{{File: path, Message: err.Error(), Hint: "give the path of a file that can be read"}}
}

// ParseText reads a file's text; path is the name that errors carry. See [LoadFile].
func ParseText(path string, text []byte) (File, error) { return parseText(path, text, false) }

// parseText accepts blank reasons of entries that were just added.
func parseText(path string, text []byte, blank bool) (File, error) {
	f := File{Path: path, text: text}
	root, err := strictyaml.ParseText(path, text)
	if root == nil {
		return f, err
	}
	d := &decoder{blank: blank, seen: map[Waiver]int{}}
	d.AddError(err)
	d.DecodeFields(root, map[string]func(*strictyaml.Node){
		"version": func(n *strictyaml.Node) { d.IntBetween(n, 1, 1) },
		"waivers": func(n *strictyaml.Node) {
			d.EachItem(n, func(n *strictyaml.Node) { f.Waivers = append(f.Waivers, d.decodeWaiver(n)) })
		},
	}, "version", "waivers")
	return f, d.Err()
}

type decoder struct {
	strictyaml.Decoder
	blank bool
	seen  map[Waiver]int // what entries speak of, and in which line
}

func (d *decoder) decodeWaiver(n *strictyaml.Node) Waiver {
	w := Waiver{Line: n.Line(), column: n.Column()}
	failed := d.ErrorCount()
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"scenario": d.decodePattern(&w.Scenario),
		"target":   d.decodePattern(&w.Target),
		"variant":  d.decodePattern(&w.Variant),
		"check":    d.decodePattern(&w.Check),
		"reason":   func(n *strictyaml.Node) { w.Reason = d.decodeReason(n) },
		"issue":    func(n *strictyaml.Node) { w.Issue = d.NonEmptyString(n) },
		"expires":  func(n *strictyaml.Node) { w.Expires = d.decodeDay(n) },
	}, "scenario", "target", "reason")
	if d.ErrorCount() == failed {
		subject := Waiver{Scenario: w.Scenario, Target: w.Target, Variant: w.Variant, Check: w.Check}
		if line, twice := d.seen[subject]; twice {
			d.ReportError(n, "this waiver is given twice", fmt.Sprintf("first in line %d; delete one", line))
		}
		d.seen[subject] = w.Line
	}
	return w
}

func (d *decoder) decodePattern(to *Pattern) func(*strictyaml.Node) {
	return func(n *strictyaml.Node) {
		*to = Pattern(d.NonEmptyString(n))
		if err := to.checkSyntax(); err != nil {
			d.ReportError(n, fmt.Sprintf("%q is not a pattern", string(*to)), `* and ? are wildcards; \ makes the next character literal`)
		}
	}
}

func (d *decoder) decodeReason(n *strictyaml.Node) string {
	if n.Kind() == strictyaml.Nothing {
		d.ReportError(n, "the reason is missing", "say why this failure is accepted, or delete the entry")
		return ""
	}
	text := strings.TrimSpace(d.String(n))
	if text == "" && n.Kind() == strictyaml.Text && !d.blank {
		d.ReportError(n, "the reason is empty", "say why this failure is accepted, or delete the entry")
	}
	return text
}

func (d *decoder) decodeDay(n *strictyaml.Node) string {
	text := d.NonEmptyString(n)
	if _, err := time.Parse(time.DateOnly, text); err != nil && text != "" {
		d.ReportError(n, fmt.Sprintf("%q is not a date", text), "write it as 2027-01-31")
	}
	return text
}
