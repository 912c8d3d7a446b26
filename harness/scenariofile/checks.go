package scenariofile

import (
	"bytes"
	"fmt"
	"regexp"
	"time"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A Check is what must be true of a program under test, now or within a time.
type Check struct {
	Of          scenario.Role    `json:"of,omitempty" jsonschema:"enum=server,enum=client,description=Which program. Default: the one under test."`
	Alive       *bool            `json:"alive,omitempty" jsonschema:"description=Whether it runs."`
	Descriptors *Count           `json:"descriptors,omitempty" jsonschema:"description=Open files: same as at the start or at most a number."`
	Children    *Count           `json:"children,omitempty" jsonschema:"description=Descendants: same as at the start or at most a number."`
	CPU         *Load            `json:"cpu,omitempty" jsonschema:"description=idle or the maximum percentage of one CPU."`
	Output      *Text            `json:"output,omitempty" jsonschema:"description=What the program must have written to stdout or stderr."`
	Exit        *Status          `json:"exit,omitempty" jsonschema:"description=How it must end: an exit status or a signal."`
	Connections *int             `json:"connections,omitempty" jsonschema:"minimum=0,maximum=1000000,description=How many connections the proxy has accepted so far."`
	Command     []string         `json:"command,omitempty" jsonschema:"description=A program that must exit with status 0. {addr} {host} {port} are those of the server."`
	Within      time.Duration    `json:"within,omitempty" jsonschema:"description=Time limit until all conditions hold."`
	Node        *strictyaml.Node `json:"-"` // where it is written
}

// empty reports whether nothing is checked.
func (c *Check) empty() bool {
	return c.Alive == nil && c.Descriptors == nil && c.Children == nil && c.CPU == nil && c.Output == nil &&
		c.Exit == nil && c.Connections == nil && len(c.Command) == 0
}

// Bind implements [strictyaml.Binder].
func (c *Check) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	before := d.ErrorCount()
	type plain Check // without this method
	strictyaml.BindInto(d, n, (*plain)(c))
	if c.empty() && d.ErrorCount() == before {
		d.ReportError(n, "the check is empty", "give it alive, descriptors, children, cpu, output, exit, connections or command")
	}
}

// A Count is a number that must not be passed: that of the start of the scenario,
// or one that is given.
type Count struct {
	Same bool // as many as at the start
	Most int  // at most so many, unless Same is set
}

// Bind implements [strictyaml.Binder].
func (c *Count) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	if n.Kind() == strictyaml.Text {
		c.Same = d.OneOf(n, "same") != ""
		return
	}
	c.Most = int(d.IntBetween(n, 0, 1<<30))
}

func (c Count) limit(start int) int {
	if c.Same {
		return start
	}
	return c.Most
}

// A Load is the most percent of one processor that a program may use.
type Load struct {
	Percent float64 // of one processor
}

// idleLoad is what a program may use that waits.
const idleLoad = 20

// Bind implements [strictyaml.Binder].
func (l *Load) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	l.Percent = idleLoad
	if n.Kind() == strictyaml.Text {
		d.OneOf(n, "idle")
		return
	}
	l.Percent = d.FloatBetween(n, 0, 100000)
}

// A Text is what a program must have written: a text, or a regular expression.
type Text struct {
	Contains string         // text that is in it; empty: none
	Regex    *regexp.Regexp // what matches in it; nil: none
}

// Bind implements [strictyaml.Binder].
func (t *Text) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	if n.Kind() != strictyaml.Map {
		t.Contains = d.NonEmptyString(n)
		return
	}
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"regex": func(n *strictyaml.Node) { t.Regex = d.CompileRegexp(n) },
		"text":  func(n *strictyaml.Node) { t.Contains = d.NonEmptyString(n) },
	})
}

func (t *Text) in(output []byte) bool {
	if t.Regex != nil {
		return t.Regex.Match(output)
	}
	return bytes.Contains(output, []byte(t.Contains))
}

func (t *Text) String() string {
	if t.Regex != nil {
		return "/" + t.Regex.String() + "/"
	}
	return fmt.Sprintf("%q", t.Contains)
}

// A Status is how a program must end.
type Status struct {
	Code   int    // exit status
	Signal string // empty: by itself
}

// Bind implements [strictyaml.Binder].
func (s *Status) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	if n.Kind() != strictyaml.Map {
		s.Code = int(d.IntBetween(n, 0, 255))
		return
	}
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"signal": func(n *strictyaml.Node) { s.Signal = signalName(d, n) },
	}, "signal")
}
