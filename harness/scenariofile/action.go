package scenariofile

import (
	"fmt"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
)

// readAction reads what is done on a connection: a word, or a mapping.
func (r stepReader) readAction(n, key *strictyaml.Node) *Action {
	a := &Action{Node: key}
	words := map[string]*bool{"connect": &a.Connect, "close": &a.Close, "reset": &a.Reset}
	if r.role == scenario.Client {
		delete(words, "connect")
		words["accept"] = &a.Accept
	}
	if n.Kind() == strictyaml.Text {
		if word := r.OneOf(n, sortedKeys(words)...); word != "" {
			*words[word] = true
		}
		return a
	}
	e := &Expect{Node: n}
	fields := map[string]func(*strictyaml.Node){
		"send":     func(n *strictyaml.Node) { a.Send = r.ReadSend(n) },
		"shutdown": func(n *strictyaml.Node) { a.Shutdown = r.OneOf(n, "write") != "" },
		"expect":   func(n *strictyaml.Node) { e.Node, e.Options = n, r.readOptions(n); a.Expect = e },
		"within":   func(n *strictyaml.Node) { e.Within = r.ParseDuration(n) },
		"for":      func(n *strictyaml.Node) { e.For = r.ParseDuration(n) },
		"keep":     func(n *strictyaml.Node) { e.Keep = r.ReadCaptures(n) },
	}
	for word, set := range words {
		fields[word] = func(n *strictyaml.Node) { *set = r.readTrue(n, word) }
	}
	r.DecodeSteps(n, fields)
	r.checkAction(n, a)
	return a
}

// readTrue reads true, the only value of a word that needs none.
func (r stepReader) readTrue(n *strictyaml.Node, word string) bool {
	if n.Kind() != strictyaml.Nothing && !r.Bool(n) {
		r.ReportError(n, fmt.Sprintf("%s takes no value but true", word), "leave the step out")
	}
	return true
}

// checkAction looks for words that do not go together.
func (r stepReader) checkAction(n *strictyaml.Node, a *Action) {
	for _, word := range []string{"within", "for", "keep"} {
		if v := n.GetKey(word); v != nil && a.Expect == nil {
			r.ReportError(v, word+" without expect", "it refers to an expect in the same step; add expect")
		}
	}
	if a.Expect == nil {
		return
	}
	silent := false
	for _, o := range a.Expect.Options {
		silent = silent || o.Ending == Silence
	}
	switch {
	case silent && len(a.Expect.Options) > 1:
		r.ReportError(a.Expect.Node, "silence cannot be one of several alternatives", "expect it in a step of its own")
	case silent && n.GetKey("within") != nil:
		r.ReportError(n.GetKey("within"), "silence has a duration, not a time limit", "write for: 300ms")
	case silent && n.GetKey("for") == nil:
		r.ReportError(a.Expect.Node, "the duration of the silence is missing", "add for: 300ms")
	case !silent && n.GetKey("for") != nil:
		r.ReportError(n.GetKey("for"), "for is allowed with expect: silence only", "write within: for a time limit")
	}
}

// readOptions reads what is expected: one thing, or a list of alternatives.
func (r stepReader) readOptions(n *strictyaml.Node) []Option {
	if n.Kind() != strictyaml.List {
		return []Option{r.readOption(n)}
	}
	var all []Option
	r.EachItem(n, func(n *strictyaml.Node) { all = append(all, r.readOption(n)) })
	if len(all) == 0 {
		r.ReportError(n, "an empty list of alternatives", "write what is expected")
	}
	return all
}

func (r stepReader) readOption(n *strictyaml.Node) Option {
	for _, e := range AllEndings() {
		if n.Kind() == strictyaml.Text && n.Text() == string(e) {
			return Option{Ending: e, Node: n}
		}
	}
	return Option{Message: r.ReadExpect(n), Node: n}
}
