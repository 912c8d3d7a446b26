package explorecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/scenario"
)

// An exploration is one run of `harness explore`.
type exploration struct {
	flags    *exploreFlags
	stdout   io.Writer
	terminal cli.Terminal // gets the text; discards it if no text is wanted
	events   cli.Terminal // the same for the events
	stderr   io.Writer

	textShown bool // stdout gets the text
	tmp       string
	self      string
	before    map[string]explore.Finding // of --baseline; nil: there is none
	began     time.Time

	target   string // that is being explored
	status   bool   // a status line is on the screen
	replayed map[string]explore.State
	results  []explored
	problems []string
}

// emit writes one event, where events are wanted.
func (x *exploration) emit(v any) {
	if x.flags.ndjson == "" {
		return
	}
	if text, err := json.Marshal(v); err == nil {
		x.events.Printf("%s\n", text)
	}
}

// note tells people something beside what was found.
func (x *exploration) note(format string, args ...any) {
	x.clearStatus()
	fmt.Fprintf(x.stderr, "harness: %s\n", sanitize(fmt.Sprintf(format, args...)))
}

// observe tells what happens in a search.
func (x *exploration) observe(e explore.Event) {
	if e.Kind == explore.Stored {
		if x.replayed == nil {
			x.replayed = map[string]explore.State{}
		}
		x.replayed[e.Finding.ID] = e.Finding.State
	}
	x.emit(struct {
		explore.Event
		Target string `json:"target"`
	}{e, x.target})
	x.tell(e)
}

// tell shows an event to people.
func (x *exploration) tell(e explore.Event) {
	switch e.Kind {
	case explore.Calibrated:
		x.terminal.Printf("%s: %s: %s\n", x.target, size(*e.Plan), plural.Count(e.Plan.Points, "point"))
		for _, text := range e.Plan.Unstable {
			x.terminal.Printf("  not compared: %s\n", sanitize(text))
		}
	case explore.Stored:
		x.clearStatus()
		word := "FAILED"
		if e.Finding.State == explore.Resolved {
			word = "FIXED"
		}
		x.terminal.Printf("%s %s %s (found earlier; %s)\n", x.paint(word == "FAILED", word), e.Finding.ID, sanitize(e.Finding.Rule), e.Finding.State)
	case explore.Found:
		x.clearStatus()
		x.terminal.Printf("%s %s %s\n", x.paint(true, strings.ToUpper(string(e.Finding.Severity))), e.Finding.ID, sanitize(e.Finding.Rule))
	case explore.Unsteady:
		x.clearStatus()
		x.terminal.Printf("not confirmed: %s\n", sanitize(e.Detail))
	case explore.Progress:
		x.showStatus(e)
	}
}

// size says how much the two sides say.
func size(p explore.Plan) string {
	if p.Packets != [2]int{} {
		return fmt.Sprintf("%s to the server, %d to the client", plural.Count(p.Packets[0], "datagram"), p.Packets[1])
	}
	return fmt.Sprintf("%s to the server, %d to the client", plural.Count(p.Upstream, "byte"), p.Down)
}

// paint colours a word: red for what is wrong, green else.
func (x *exploration) paint(bad bool, word string) string {
	switch {
	case !x.terminal.Color:
		return word
	case bad:
		return "\x1b[1;31m" + word + "\x1b[0m"
	}
	return "\x1b[32m" + word + "\x1b[0m"
}

// showStatus shows how far the search is, on a terminal.
func (x *exploration) showStatus(e explore.Event) {
	if !x.terminal.TTY {
		return
	}
	text := fmt.Sprintf("%d of %s, %.0f/s, %d not reached, %d found", e.Played, plural.Count(e.Total, "point"), e.Rate, e.NotReached, e.Findings)
	if x.flags.budget > 0 {
		text += fmt.Sprintf(", %s left", max(0, x.flags.budget-e.Elapsed).Round(time.Second))
	}
	if width := x.terminal.Width(); len(text) >= width {
		text = text[:max(0, width-1)]
	}
	x.terminal.Printf("\r\x1b[K%s", text)
	x.status = true
}

func (x *exploration) clearStatus() {
	if x.status {
		x.terminal.Printf("\r\x1b[K")
		x.status = false
	}
}

// sanitize keeps what a peer wrote from reaching a terminal as it is.
func sanitize(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// tellPlans is --plan.
func (x *exploration) tellPlans(ctx context.Context, chosen []scenario.Target) error {
	var plans []map[string]any
	for _, t := range chosen {
		for _, one := range x.rolesOf(ctx, t) {
			plan, err := explore.Estimate(ctx, x.options(one, one.Test))
			if err != nil {
				x.fail(t, err)
				continue
			}
			plans = append(plans, map[string]any{"target": t.Name, "plan": plan})
			x.tellPlan(t, plan)
		}
	}
	if len(x.problems) > 0 {
		return cli.ExitError{Code: 3}
	}
	return errors.Join(x.tellPlanJSON(plans), x.terminal.Err(), x.events.Err())
}

// tellPlanJSON writes the plans where the events and the JSON result go.
func (x *exploration) tellPlanJSON(plans []map[string]any) error {
	x.emit(plans)
	path := x.flags.outputs.Path("json")
	if path == "" {
		return nil
	}
	return report.WriteFile(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(plans) })
}

func (x *exploration) tellPlan(t scenario.Target, p explore.Plan) {
	x.terminal.Printf("%s: %s: %s\n", t.Name, size(p), plural.Count(p.Points, "point"))
	x.terminal.Printf("  %.0f points a second in a sample: all of them take about %s\n", p.Rate, time.Duration(p.Seconds*float64(time.Second)).Round(time.Millisecond))
	for _, text := range p.Unstable {
		x.terminal.Printf("  not compared: %s\n", sanitize(text))
	}
	for _, text := range p.Outside {
		x.terminal.Printf("  out of reach: %s\n", sanitize(text))
	}
}
