package scenariofile

import (
	"fmt"
	"regexp"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A stepReader reads the steps of one scenario.
type stepReader struct {
	dialogue.Reader
	role      scenario.Role // under test
	datagrams bool          // what is played is UDP
}

// acceptedName is what the played server's connections are called.
var acceptedName = regexp.MustCompile(`^server( ([2-9]|[1-9][0-9]+))?$`)

var connectionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*( [0-9]+)?$`)

func (r stepReader) readSteps(n *strictyaml.Node) []Step {
	var steps []Step
	r.EachItem(n, func(n *strictyaml.Node) { steps = append(steps, r.readStep(n)) })
	return steps
}

func (r stepReader) readStep(n *strictyaml.Node) Step {
	s := Step{Node: n}
	if n.Kind() == strictyaml.Text {
		s.Boundary = r.OneOf(n, "boundary") != ""
		return s
	}
	known := map[string]func(*strictyaml.Node){
		"together": func(n *strictyaml.Node) { s.Together = r.readLanes(n) },
		"repeat":   func(n *strictyaml.Node) { s.Repeat = r.readRepeat(n) },
		"proxy":    func(n *strictyaml.Node) { s.Proxy = r.change(n) },
		"check":    func(n *strictyaml.Node) { s.Check = &Check{}; s.Check.Bind(r.Decoder, n) },
	}
	for _, side := range []scenario.Role{scenario.Server, scenario.Client} {
		if r.role == side || r.role == scenario.Both {
			known[string(side)] = func(n *strictyaml.Node) { s.Process = r.treatment(n, side) }
		}
	}
	key, value := r.SinglePair(n)
	switch {
	case key == nil:
	case known[key.Text()] != nil:
		known[key.Text()](value)
	case key.Text() == "boundary":
		r.ReportError(key, "boundary takes no value", "write only: - boundary")
	case r.role == scenario.Both:
		r.ReportError(key, fmt.Sprintf("unknown step %q", key.Text()), "with role: both the harness is not a peer: write proxy, server, client, check, together or repeat")
	case r.role == scenario.Client && !acceptedName.MatchString(key.Text()):
		r.ReportError(key, fmt.Sprintf("unknown step %q", key.Text()), `with role: client the harness is the server: write server, or "server 2" for the second connection`)
	case !connectionName.MatchString(key.Text()):
		r.ReportError(key, fmt.Sprintf("%q is not a name", key.Text()), "name the connection with letters, digits, dashes and underscores")
	default:
		s.Name, s.Action = key.Text(), r.readAction(value, key)
	}
	return s
}

func (r stepReader) readLanes(n *strictyaml.Node) [][]Step {
	var lanes [][]Step
	r.EachItem(n, func(n *strictyaml.Node) { lanes = append(lanes, r.readSteps(n)) })
	if len(lanes) < 2 && n.Kind() == strictyaml.List {
		r.ReportError(n, fmt.Sprintf("together has %d lanes", len(lanes)), "give at least two lists of steps")
	}
	return lanes
}

func (r stepReader) readRepeat(n *strictyaml.Node) *Repeat {
	repeat := &Repeat{Times: 1}
	strictyaml.BindFields(r.Decoder, n, repeat, map[string]func(*strictyaml.Node){
		"steps": func(n *strictyaml.Node) { repeat.Steps = r.readSteps(n) },
	})
	return repeat
}
