package explore

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
)

// A scenarioWriter writes the steps of a point as a scenario file has them.
type scenarioWriter struct {
	strings.Builder
	layout  *layout
	point   Point
	finding Finding
}

// ScenarioFile returns the finding as a scenario file that `harness run` takes. flags
// name its target on the command line, as typed in folder.
func (f Finding) ScenarioFile(seed int64, flags []string, folder string) []byte {
	w := &scenarioWriter{layout: f.layout, point: f.Witness, finding: f}
	w.head(seed, flags, folder)
	if f.Role == scenario.Client || f.layout.script.Captures() { // what it says depends on what it hears
		w.fault()
	} else if f.Witness.Datagram {
		w.WriteString("steps:\n")
		w.datagramSteps()
	} else {
		w.WriteString("framing: none\nsteps:\n")
		w.serverSteps()
	}
	return []byte(w.String())
}

func (w *scenarioWriter) head(seed int64, flags []string, folder string) {
	f := w.finding
	fmt.Fprintf(w, "# Found by harness explore. Run it again: harness replay %s\n", f.ID)
	fmt.Fprintf(w, "scenario: found/%s\n", f.ID)
	fmt.Fprintf(w, "title: %s\n", dialogue.FormatText(titles[f.Code].orElse(f.Rule)))
	fmt.Fprintf(w, "why: %s\n", dialogue.FormatText(f.Rule+". "+headOf(f.Detail)))
	fmt.Fprintf(w, "role: %s\n", f.Role)
	fmt.Fprintf(w, "level: %s\n", f.level())
	if w.point.Datagram {
		w.WriteString("transport: udp\n")
	}
	w.WriteString("finding:\n")
	found := f.found(seed, flags, folder)
	for _, line := range []struct{ key, value string }{{"id", found.ID}, {"target", found.Target}, {"severity", found.Severity},
		{"code", found.Code}, {"symptom", found.Symptom}, {"state", found.State}} {
		if line.value != "" {
			fmt.Fprintf(w, "  %s: %s\n", line.key, dialogue.FormatText(line.value))
		}
	}
	fmt.Fprintf(w, "  seed: %d\n", found.Seed)
	p := found.Point
	fmt.Fprintf(w, "  point: {direction: %s, offset: %d, fault: %s", p.Direction, p.Offset, p.Fault)
	if p.Read {
		w.WriteString(", read: true")
	}
	if p.Pipelined {
		w.WriteString(", pipelined: true")
	}
	for _, n := range []struct {
		key   string
		value int64
	}{{"split", p.Split}, {"exchanges", int64(p.Exchanges)}, {"connection", int64(p.Connection)}} {
		if n.value > 0 {
			fmt.Fprintf(w, ", %s: %d", n.key, n.value)
		}
	}
	if p.Datagram {
		w.WriteString(", datagram: true")
	}
	if p.Kept != "" {
		fmt.Fprintf(w, ", kept: %s", p.Kept)
	}
	w.WriteString("}\n")
	var quoted []string
	for _, one := range flags {
		quoted = append(quoted, dialogue.FormatText(one))
	}
	if len(quoted) > 0 {
		fmt.Fprintf(w, "  flags: [%s]\n  folder: %s\n", strings.Join(quoted, ", "), dialogue.FormatText(folder))
	}
}

func (f Finding) level() string {
	if f.Severity == Noise {
		return "should"
	}
	return "must"
}

// found is the finding as a scenario file notes it.
func (f Finding) found(seed int64, flags []string, folder string) scenariofile.Found {
	return scenariofile.Found{ID: f.ID, Target: f.Target, Severity: string(f.Severity), Code: f.Code, Symptom: f.Symptom,
		State: string(f.State), Seed: seed, Flags: flags, Folder: folder, Point: scenariofile.FoundPoint{
			Direction: f.Witness.Direction.String(), Offset: f.Witness.Offset, Fault: string(f.Witness.Fault), Read: f.Witness.Read, Pipelined: f.Witness.Pipelined,
			Split: f.Witness.Split, Exchanges: f.Witness.Exchanges, Connection: f.Witness.Conn,
			Datagram: f.Witness.Datagram, Kept: f.Witness.Kept}}
}

// PointOf returns the point that a scenario file notes.
func PointOf(p scenariofile.FoundPoint) Point {
	d, _ := event.ParseDirection(p.Direction)
	return Point{Direction: d, Offset: p.Offset, Fault: Fault(p.Fault), Read: p.Read, Pipelined: p.Pipelined, Split: p.Split, Exchanges: p.Exchanges, Conn: p.Connection, Datagram: p.Datagram, Kept: p.Kept}
}

type title string

func (t title) orElse(other string) string {
	if t == "" {
		return other
	}
	return string(t)
}

// titles say what a peer in order does.
var titles = map[string]title{
	"wrong-answer":          "The answer is the same, however the request is cut into segments",
	"extra-bytes":           "The server sends no bytes without a request",
	"no-answer":             "A request that arrives in pieces is answered",
	"never-closes":          "The server closes a connection that its client has closed",
	"half-request-answered": "A request that is cut off is not answered",
	"lost-answer":           "A request that a FIN follows is answered",
	"others-wait":           "Other clients are served while one stands still",
	"crash":                 "The server survives",
	"dead":                  "The server serves others afterwards",
	"spin":                  "The server uses no processor when nothing moves",
	"leak":                  "The server releases the resources of a closed connection",
	"half-answer-accepted":  "A client reports a failure when an answer is cut off",
	"repeat-misunderstood":  "A request that its client repeats gets the same answer",
	"wrong-output":          "The output is the same, however the answer is cut into segments",
}

func (w *scenarioWriter) step(format string, args ...any) {
	fmt.Fprintf(w, "  - "+format+"\n", args...)
}

func (w *scenarioWriter) steps() []dialogue.Step {
	all := w.layout.script.Steps
	if n := w.point.Exchanges; n > 0 {
		all = all[:min(n, len(all))]
	}
	return all
}

func (w *scenarioWriter) volatile() []*regexp.Regexp { return w.layout.script.Volatile }

func (w *scenarioWriter) send(b []byte) {
	if len(b) > 0 {
		w.step("client: {send: %s}", dialogue.FormatBytes(b))
	}
}

func (w *scenarioWriter) expect(p dialogue.Pattern) {
	if len(p) > 0 {
		w.step("client: {expect: %s, within: 2s}", yamlPattern(p, w.volatile()))
	}
}

// serverSteps writes the conversation of the client, up to the fault and beyond it.
func (w *scenarioWriter) serverSteps() {
	w.expect(w.layout.script.Greeting)
	if w.point.Pipelined {
		w.send(w.layout.up.Bytes[:w.point.Offset])
		w.end(nil, false)
		return
	}
	steps, at := w.steps(), int64(0)
	strikes := w.layout.stepOf(w.point)
	for i := 0; i < len(steps); i++ {
		step := steps[i]
		if i == strikes && w.point.Direction == event.Upstream {
			if w.strike(steps, i, at) {
				return
			}
			if w.point.Fault == Coalesce {
				i++
			}
		} else {
			w.send(step.Send)
			if step.ShutdownWrite {
				w.step("client: {shutdown: write}")
			}
			if i == strikes {
				w.strikeDown(step)
				return
			}
			w.expect(step.Expect)
		}
		at += int64(len(step.Send))
	}
	if w.layout.script.End != dialogue.ServerCloses || len(steps) < len(w.layout.script.Steps) {
		w.step("client: {shutdown: write}")
	}
	w.step("client: {expect: eof, within: 2s}")
}

// strike writes the step of the fault, and reports whether the conversation is over.
func (w *scenarioWriter) strike(steps []dialogue.Step, i int, at int64) bool {
	p, step := w.point, steps[i]
	n := min(p.Offset-at, int64(len(step.Send)))
	before, after := step.Send[:n], step.Send[n:]
	if cut := p.Split - at; p.Split > 0 && cut > 0 && cut < n {
		w.send(before[:cut])
		w.step("boundary")
		before = before[cut:]
	}
	switch p.Fault {
	case Split, Heal:
		w.send(before)
		w.step("boundary")
		if p.Fault == Heal {
			w.otherClient()
		}
		w.send(after)
		if step.ShutdownWrite {
			w.step("client: {shutdown: write}")
		}
		w.expect(step.Expect)
		return false
	case Coalesce:
		if i+1 < len(steps) {
			w.send(append(append([]byte{}, step.Send...), steps[i+1].Send...))
			w.expect(step.Expect)
			w.expect(steps[i+1].Expect)
		}
		return false
	case Corrupt, Duplicate:
		changed := []byte{^after[0]}
		if p.Fault == Duplicate {
			changed = []byte{after[0], after[0]}
		}
		w.send(append(append(append([]byte{}, before...), changed...), after[1:]...))
		w.step("client: {shutdown: write}")
		w.afterwards()
		return true
	}
	w.send(before)
	if (p.Read || p.Fault == HalfClose || p.Fault == Stall) && p.Offset > 0 {
		w.step("boundary")
	}
	w.end(steps[:i+1], n == int64(len(step.Send)) && p.Offset > 0)
	return true
}

// end writes the end of the client's direction.
func (w *scenarioWriter) end(steps []dialogue.Step, whole bool) {
	switch w.point.Fault {
	case FIN, HalfClose:
		w.step("client: {shutdown: write}")
		if whole {
			w.expect(steps[len(steps)-1].Expect)
		}
		w.step("client: {expect: closed, within: 2s}")
	case Reset:
		w.step("client: reset")
	case Vanish:
		w.step("client: close")
	}
	w.afterwards()
}

// strikeDown writes the fault behind bytes that the client receives.
func (w *scenarioWriter) strikeDown(step dialogue.Step) {
	from := int64(0)
	down := w.layout.down
	if i := w.layout.stepOf(w.point); i > 0 {
		from = down.ExchangeEnds[i-1]
	}
	part := down.Bytes[from:max(from, w.point.Offset)]
	if w.point.Fault == HalfClose {
		w.step("client: {shutdown: write}")
		w.expect(step.Expect)
		w.step("client: {expect: closed, within: 2s}")
		return
	}
	if len(part) > 0 {
		if _, literal := step.Expect.LiteralBytes(); literal && len(w.volatile()) == 0 {
			w.step("client: {expect: %s, within: 2s}", dialogue.FormatBytes(part))
		} else {
			w.expect(step.Expect)
		}
	}
	switch w.point.Fault {
	case Reset:
		w.step("client: reset")
	case Vanish:
		w.step("client: close")
	}
	w.afterwards()
}

// otherClient writes the first exchange of somebody else.
func (w *scenarioWriter) otherClient() {
	script := w.layout.script
	if len(script.Greeting) > 0 {
		w.step("other: {expect: %s, within: 2s}", yamlPattern(script.Greeting, w.volatile()))
	}
	for _, step := range script.Steps {
		if len(step.Send) > 0 {
			w.step("other: {send: %s}", dialogue.FormatBytes(step.Send))
		}
		if step.ShutdownWrite {
			w.step("other: {shutdown: write}")
		}
		if len(step.Expect) > 0 {
			w.step("other: {expect: %s, within: 2s}", yamlPattern(step.Expect, w.volatile()))
			return
		}
	}
}

// afterwards writes what must be true of the server when the fault is over.
func (w *scenarioWriter) afterwards() {
	w.otherClient()
	switch {
	case w.finding.target.Server.Address != "":
	case w.finding.Code == damageSpin:
		w.step("check: {cpu: idle, within: 2s}")
	case w.finding.Code == damageLeak && w.finding.Symptom == "descriptors":
		w.step("other: close")
		w.step("check: {descriptors: same, within: 2s}")
	default:
		w.step("check: {alive: true}")
	}
}

// fault writes the fault as a toxic on the target's own conversation.
func (w *scenarioWriter) fault() {
	p := w.point
	spec := ""
	switch {
	case p.Datagram && p.Fault == Truncate:
		spec = fmt.Sprintf("toxic: truncate, direction: %s, size: %d, only: true, at: {segment: %d}", p.Direction, len(p.kept(w.layout.packets[p.Direction][p.Offset-1].bytes)), p.Offset)
	case p.Fault == Silence:
		spec = fmt.Sprintf("toxic: drop, direction: %s, at: {segment: %d}", p.Direction, p.Offset)
	case p.Datagram:
		spec = fmt.Sprintf("toxic: %s, direction: %s, only: true, at: {segment: %d}", p.Fault, p.Direction, p.Offset)
	}
	if spec != "" {
		fmt.Fprintf(w, "faults:\n  - {%s}\n", spec)
		return
	}
	switch p.Fault {
	case Split:
		spec = fmt.Sprintf("toxic: slice, direction: %s, offsets: [%d]", p.Direction, p.Offset)
	case FIN:
		spec = fmt.Sprintf("toxic: half_close, direction: %s, at: {byte: %d}", p.Direction, p.Offset)
	case Heal:
		spec = fmt.Sprintf("toxic: stall, direction: %s, duration: 200, at: {byte: %d}", p.Direction, p.Offset)
	case Corrupt:
		spec = fmt.Sprintf("toxic: corrupt, direction: %s, offsets: [%d], mask: 255", p.Direction, p.Offset)
	case Duplicate:
		spec = fmt.Sprintf("toxic: inject, direction: %s, data: \"hex:%02x\", at: {byte: %d}", p.Direction, w.layout.stream(p.Direction).Bytes[p.Offset], p.Offset)
	case Refuse:
		spec = "toxic: refuse"
		if p.Conn > 1 { // a port refuses all or none; what comes next to it is a reset at once
			spec = fmt.Sprintf("toxic: reset, connection: %d, direction: downstream, at: {byte: 0}", p.Conn)
		}
	case HalfClose:
		spec = fmt.Sprintf("toxic: half_close, direction: %s, after_read: true, at: {byte: %d}", p.Direction, p.Offset)
	default:
		spec = fmt.Sprintf("toxic: %s, direction: %s, at: {byte: %d}", p.Fault, p.Direction, p.Offset)
	}
	fmt.Fprintf(w, "faults:\n  - {%s}\n", spec)
}
