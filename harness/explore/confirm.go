package explore

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// confirmations is how often a finding must be seen again.
const confirmations = 3

// mostTries is how many points of a signature are tried until it counts as unsteady.
const mostTries = 5

// confirmTime bounds how long a violation is confirmed, on a machine that is busy with others.
const confirmTime = 2 * time.Minute

// confirmSignature confirms a violation that was seen for the first time, and tells it at
// once: its ranges are not known yet.
func (e *search) confirmSignature(result int32, p place) {
	// What was seen is confirmed although the time of the search may be over meanwhile.
	ctx, cancel := context.WithTimeout(e.whole, confirmTime)
	defer cancel()
	v := e.signatures[result]
	n := e.repeat(ctx, p.point(), v)
	if ctx.Err() != nil {
		return
	}
	if n < confirmations {
		if e.tries[result]++; e.tries[result] < mostTries {
			e.told[result] = false // another point may show it better
			return
		}
		text := fmt.Sprintf("%s: %s (seen again in %d of %d)", p.point(), v.rule, n, confirmations)
		e.unsteady = append(e.unsteady, text)
		e.emit(Event{Kind: Unsteady, Detail: text})
		return
	}
	f := e.newFinding(result, p.point())
	f.Confirmed = n
	e.findings = append(e.findings, f)
	e.emit(Event{Kind: Found, Finding: &f})
}

// repeat plays a point alone and returns how often the same came of it.
func (e *search) repeat(ctx context.Context, p Point, want verdict) int {
	n := 0
	for range confirmations {
		if ctx.Err() != nil {
			return n
		}
		if v := e.subject.confirm(ctx, p, want.damage()); v.signature() == want.signature() {
			n++
		}
	}
	return n
}

// damage is what to look for in a server to see the violation again.
func (v verdict) damage() string {
	switch v.code {
	case damageCrash, damageDead, damageSpin, damageLeak:
		return v.code
	}
	return ""
}

func (e *search) newFinding(result int32, witness Point) Finding {
	v := e.signatures[result]
	places := e.places(result)
	if len(places) == 0 {
		places = []Places{{Datagrams: witness.Datagram, Faults: []string{(&series{point: witness}).name()}, Ranges: [][2]int64{{witness.Offset, witness.Offset}}, Points: 1}}
	}
	return Finding{ID: findingID(e.options.Target.Name, witness.Direction, v), Target: e.options.Target.Name, Role: e.options.Role,
		Severity: v.severity, Code: v.code, Symptom: v.symptom, Direction: witness.Direction, Places: places, Witness: witness,
		Rule: describeRule(witness.Direction, places, v), Detail: v.detail, Given: e.layout.describeGiven(witness),
		State: New, target: e.options.Target, layout: e.layout}
}

// finishFindings gives each finding its ranges, its edges and its smallest witness.
func (e *search) finishFindings(ctx context.Context) {
	// What is known is told even when the context is over; only what needs a new run is left out.
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	for i, f := range e.findings {
		result, known := e.resultOf(f)
		if !known {
			continue
		}
		witness := e.simplest(result, f.Witness)
		if ctx.Err() == nil && witness != f.Witness && e.repeat(limit, witness, e.signatures[result]) < confirmations {
			witness = f.Witness
		}
		next := e.newFinding(result, witness)
		next.Confirmed, next.State = f.Confirmed, f.State
		next.Witnesses = e.edges(result, witness)
		next.LastGreen = e.lastGreen(witness, result)
		next.NoMatter = e.noMatter(result, next)
		if ctx.Err() == nil {
			next.Witness = e.shrink(limit, witness, result)
			e.addTimelines(limit, &next)
		}
		e.findings[i] = next
	}
	slices.SortStableFunc(e.findings, func(a, b Finding) int {
		return slices.Index(AllSeverities(), a.Severity) - slices.Index(AllSeverities(), b.Severity)
	})
}

// finishTime bounds what is done for the findings when the search is over.
const finishTime = time.Minute

func (e *search) resultOf(f Finding) (int32, bool) {
	r, ok := e.index[fmt.Sprint(f.Direction, "|", verdict{code: f.Code, symptom: f.Symptom}.signature())]
	return r, ok
}

// simplest returns the point of a signature with the simplest fault and the smallest
// offset, one fault before two.
func (e *search) simplest(result int32, fallback Point) Point {
	best, found := fallback, false
	for _, s := range e.space.series {
		ranges, n := s.ranges(result)
		if n == 0 {
			continue
		}
		p := s.at(ranges[0][0])
		if !found || simpler(p, best) {
			best, found = p, true
		}
	}
	return best
}

func simpler(a, b Point) bool {
	if (a.Split > 0) != (b.Split > 0) {
		return a.Split == 0
	}
	if a.Fault != b.Fault {
		return a.Fault.rank() < b.Fault.rank()
	}
	if a.Pipelined != b.Pipelined {
		return !a.Pipelined
	}
	return a.Offset < b.Offset || a.Offset == b.Offset && !a.Read && b.Read
}

// edges returns the first and the last point of the witness's series.
func (e *search) edges(result int32, witness Point) []Point {
	s := e.seriesOf(witness)
	if s == nil {
		return []Point{witness}
	}
	ranges, n := s.ranges(result)
	if n == 0 {
		return []Point{witness}
	}
	first, last := s.at(ranges[0][0]), s.at(ranges[len(ranges)-1][1])
	if first == last {
		return []Point{first}
	}
	return []Point{first, last}
}

func (e *search) seriesOf(p Point) *series {
	for _, s := range e.space.series {
		if at := s.point; at.Direction == p.Direction && at.Fault == p.Fault && at.Read == p.Read && at.Split == p.Split && at.Pipelined == p.Pipelined && at.Conn == p.Conn && at.Kept == p.Kept {
			return s
		}
	}
	return nil
}

// lastGreen returns the nearest green point before the witness.
func (e *search) lastGreen(witness Point, result int32) *Point {
	s := e.seriesOf(witness)
	if s == nil {
		return nil
	}
	for at := witness.Offset - 1; at >= s.from; at-- {
		if s.result(at) == green {
			p := s.at(at)
			return &p
		}
	}
	return nil
}

// noMatter tells which parameters may vary.
func (e *search) noMatter(result int32, f Finding) []string {
	var all []string
	faults := map[Fault]map[bool]bool{}
	for _, s := range e.space.series {
		if _, n := s.ranges(result); n > 0 {
			if faults[s.point.Fault] == nil {
				faults[s.point.Fault] = map[bool]bool{}
			}
			faults[s.point.Fault][s.point.Read] = true
		}
	}
	for f, reads := range faults {
		if len(reads) == 2 {
			all = append(all, fmt.Sprintf("whether the peer has read what comes before the %s", f))
		}
	}
	if len(faults) > 1 {
		all = append(all, fmt.Sprintf("which of %d faults it is", len(faults)))
	}
	if s := e.seriesOf(f.Witness); s != nil {
		if _, n := s.ranges(result); n > 1 && n == s.countPlayed() {
			all = append(all, "the offset")
		}
	}
	slices.Sort(all)
	return append(all, "how many connections came before")
}

func (s *series) countPlayed() int {
	n := 0
	for _, r := range s.results {
		if r != unplayed && r != excluded {
			n++
		}
	}
	return n
}

// shrink plays fewer exchanges as long as the same comes of it.
func (e *search) shrink(ctx context.Context, p Point, result int32) Point {
	if e.layout.script == nil || p.Pipelined {
		return p
	}
	want := e.signatures[result]
	first := e.layout.stepOf(p) + 1
	if p.Fault == Coalesce || p.Fault == Reorder {
		first++ // it is about two requests
	}
	for n := first; n < len(e.layout.script.Steps) && n < first+3; n++ {
		shorter := p
		shorter.Exchanges = n
		if e.subject.confirm(ctx, shorter, want.damage()).signature() == want.signature() {
			return shorter
		}
	}
	return p
}

// addTimelines plays the witness and its green neighbour once more, and keeps what
// happened.
func (e *search) addTimelines(ctx context.Context, f *Finding) {
	if o, err := e.subject.watch(ctx, &f.Witness); err == nil {
		f.Red = o.lines()
	}
	var green *Point
	if f.LastGreen != nil {
		p := *f.LastGreen
		p.Exchanges = f.Witness.Exchanges
		green = &p
	}
	if o, err := e.subject.watch(ctx, green); err == nil {
		f.Green = o.lines()
	}
}

func (o observation) lines() []string {
	var all []string
	for _, m := range o.log {
		all = append(all, fmt.Sprintf("%7.1f ms  %s", float64(m.at.Microseconds())/1000, m.text))
	}
	if o.late {
		why := "the wait was over"
		if o.stuck != "" {
			why = o.stuck
		}
		all = append(all, fmt.Sprintf("%7.1f ms  server  %s", float64(o.took.Microseconds())/1000, why))
	}
	return all
}

// playFirst plays the findings of earlier runs. What is seen again is a finding of this
// run, too, whether or not the search gets there.
func (e *search) playFirst(ctx context.Context) {
	for _, f := range e.options.First {
		if ctx.Err() != nil {
			return
		}
		if !e.fits(f.Witness) {
			continue
		}
		want := verdict{code: f.Code, symptom: f.Symptom}
		v := e.subject.confirm(ctx, f.Witness, want.damage())
		seen := v.signature() == want.signature() && e.repeat(ctx, f.Witness, want) == confirmations
		if ctx.Err() != nil {
			return
		}
		before := f.State
		f.State = nextState(before, seen)
		e.emit(Event{Kind: Stored, Finding: &f})
		if !seen {
			continue
		}
		result := e.signatureOf(f.Witness.Direction, v)
		e.told[result] = true
		next := e.newFinding(result, f.Witness)
		next.Confirmed, next.State = confirmations, f.State
		e.findings = append(e.findings, next)
	}
}

// fits reports whether the point lies in the conversation as it is today.
func (e *search) fits(p Point) bool {
	if all := e.layout.packets; p.Datagram || all != nil {
		return p.Datagram && all != nil && p.Offset >= 1 && p.Offset <= int64(len(all[p.Direction])) && p.Exchanges <= len(e.layout.script.Steps)
	}
	return p.Offset >= 0 && p.Offset <= e.layout.stream(p.Direction).ByteCount() && p.Exchanges <= len(e.layout.script.Steps)
}

// nextState is what becomes of a stored finding that was, or was not, seen again.
func nextState(before State, seen bool) State {
	switch {
	case !seen:
		return Resolved
	case before == Resolved:
		return Regressed
	}
	return Ongoing
}
