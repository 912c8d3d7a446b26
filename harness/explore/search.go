package explore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A search is one run over one space.
type search struct {
	options   Options
	subject   subject
	layout    *layout
	space     *space
	plan      Plan
	began     time.Time // of everything
	searching time.Time // of the points
	deadline  time.Time // zero: none
	lastTold  time.Time

	signatures []verdict // by result; the first ones are no violations
	index      map[string]int32
	verified   map[verifiedKey]int // points that were played alone
	whole      context.Context     // of the search and of what is done when its time is over
	chunk      int                 // how many points are played next
	played     int
	notReached int
	firstAfter time.Duration
	told       map[int32]bool // signatures that were confirmed and told
	tries      map[int32]int
	findings   []Finding
	unsteady   []string
}

func newSearch(ctx context.Context, o Options) (*search, error) {
	e := &search{options: o, began: time.Now(), index: map[string]int32{}, told: map[int32]bool{},
		signatures: make([]verdict, excluded+1), verified: map[verifiedKey]int{}, tries: map[int32]int{}, chunk: firstChunk}
	var err error
	if e.subject, err = newSubject(o); err != nil {
		return nil, err
	}
	if e.layout, err = e.subject.calibrate(ctx); err != nil {
		e.subject.close()
		return nil, err
	}
	e.space = newSpace(e.layout, o)
	e.plan = Plan{Points: e.space.size(), Upstream: e.layout.up.ByteCount(), Down: e.layout.down.ByteCount(),
		Outside: e.space.outside, Unstable: e.subject.unstable(),
		Packets: [2]int{len(e.layout.packets[event.Upstream]), len(e.layout.packets[event.Downstream])}}
	e.searching = time.Now()
	return e, nil
}

func (e *search) run(ctx context.Context) Result {
	e.whole = ctx
	e.emit(Event{Kind: Calibrated, Plan: &e.plan})
	if e.options.Budget > 0 {
		e.deadline = e.began.Add(e.options.Budget)
	}
	e.playFirst(ctx)
	e.lookBefore(ctx)
	e.searching = time.Now()
	complete := e.playAll(ctx)
	e.finishFindings(ctx)
	r := Result{Plan: e.plan, Played: e.played, NotReached: e.notReached, Left: e.plan.Points - e.played, Complete: complete,
		Elapsed: time.Since(e.began), FirstAfter: e.firstAfter, Findings: e.findings, Remarks: e.remarks(), Unsteady: e.unsteady, Strips: e.strips()}
	e.emit(e.progress(Done))
	return r
}

// lookBefore looks at the peer before any fault. What conversations in order have done to
// it, the FIN behind the last request has.
func (e *search) lookBefore(ctx context.Context) {
	damage := e.subject.settle(ctx)
	if damage == "" || ctx.Err() != nil {
		return
	}
	for _, s := range e.space.series {
		if s.point.Fault == FIN && s.point.Direction == event.Upstream && s.last() == e.layout.up.ByteCount() {
			p := place{s, s.last()}
			if v := e.subject.confirm(ctx, p.point(), damage); v.bad() && ctx.Err() == nil {
				e.record(ctx, p, v)
			}
			return
		}
	}
}

// playAll plays until every point was played, which it reports, or the search is over.
func (e *search) playAll(ctx context.Context) (complete bool) {
	if !e.deadline.IsZero() {
		limited, cancel := context.WithDeadline(ctx, e.deadline)
		defer cancel()
		ctx = limited
	}
	e.chunk = firstChunk
	plan := schedule{space: e.space}
	for !e.over(ctx) {
		wave := plan.next()
		if len(wave) == 0 {
			return true
		}
		if !e.playWave(ctx, wave) {
			return false
		}
	}
	return false
}

// over reports whether the search has to end.
func (e *search) over(ctx context.Context) bool {
	return ctx.Err() != nil || e.options.Points > 0 && e.played >= e.options.Points
}

// playWave plays places in chunks, and looks at the peer after each of them. It reports
// whether all were played.
func (e *search) playWave(ctx context.Context, wave []place) bool {
	for len(wave) > 0 {
		if e.over(ctx) {
			return false
		}
		n := min(len(wave), e.chunk, e.subject.chunk())
		if e.options.Points > 0 {
			n = min(n, e.options.Points-e.played)
		}
		e.playChunk(ctx, wave[:n])
		wave = wave[n:]
	}
	return true
}

// firstChunk is how many points are played before somebody looks at the peer: more and
// more, as long as nothing is wrong.
const firstChunk = 16

func (e *search) playChunk(ctx context.Context, chunk []place) {
	verdicts := e.playSideBySide(ctx, chunk)
	damage := e.subject.settle(ctx)
	if ctx.Err() != nil {
		return
	}
	e.tellProgress()
	var calm, suspects []int
	for i, v := range verdicts {
		switch {
		case v == nil: // there was no time for it
		case v.suspect:
			suspects = append(suspects, i)
		default:
			calm = append(calm, i)
		}
	}
	if damage != "" || len(suspects) > 0 {
		e.chunk = firstChunk
	} else {
		e.chunk = min(2*e.chunk, chunkSize)
	}
	explained := false
	for _, i := range suspects {
		if ctx.Err() != nil {
			return
		}
		v, known := e.neighbours(chunk[i], *verdicts[i])
		if !known {
			v = e.subject.confirm(ctx, chunk[i].point(), damage)
			if ctx.Err() != nil {
				return
			}
		}
		explained = explained || v.bad()
		e.record(ctx, chunk[i], v)
		if !known && v.bad() {
			e.verified[verifiedKey{chunk[i].series, v.signature()}]++
		}
	}
	var rest []place
	for _, i := range calm {
		if damage == "" {
			e.record(ctx, chunk[i], *verdicts[i])
			continue
		}
		rest = append(rest, chunk[i])
	}
	switch {
	case len(rest) == 0:
	case explained: // by what stood out
		e.playChunk(ctx, rest)
	default:
		e.findCulprits(ctx, rest, damage)
	}
}

// A verifiedKey is a signature in a series.
type verifiedKey struct {
	series    *series
	signature string
}

// enoughVerified is how many points of a series are played alone before others that look
// the same are believed.
const enoughVerified = 4

// neighbours takes the verdict of the points on both sides, where they were played alone
// and this one looks the same.
func (e *search) neighbours(p place, quick verdict) (verdict, bool) {
	s := p.series
	for r := range e.signatures {
		known := e.signatures[r]
		if known.bad() && known.code == quick.code && e.verified[verifiedKey{s, known.signature()}] >= enoughVerified {
			return known, true
		}
	}
	var sides []int32
	for _, step := range []int64{-1, 1} {
		for at := p.offset + step; at >= s.from && at <= s.last(); at += step {
			if r := s.result(at); r != unplayed && r != excluded {
				sides = append(sides, r)
				break
			}
		}
	}
	if len(sides) != 2 || sides[0] != sides[1] || sides[0] <= excluded {
		return verdict{}, false
	}
	known := e.signatures[sides[0]]
	return known, known.code == quick.code && quick.code != ""
}

// playSideBySide plays places on several lanes; nil is one that there was no time for.
func (e *search) playSideBySide(ctx context.Context, chunk []place) []*verdict {
	verdicts := make([]*verdict, len(chunk))
	next := make(chan int)
	var tasks sync.WaitGroup
	for range min(e.subject.lanes(chunk[0].series.isSlow()), len(chunk)) {
		tasks.Go(func() {
			for i := range next {
				v := e.subject.play(ctx, chunk[i].point())
				verdicts[i] = &v
			}
		})
	}
	for i := range chunk {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	tasks.Wait()
	return verdicts
}

// findCulprits plays the places of a damaged chunk alone: the first, the last and the
// middle one of each series, and then the halves where these differ. Series in which
// nothing was found are played again without the others.
func (e *search) findCulprits(ctx context.Context, chunk []place, damage string) {
	bySeries := map[*series][]place{}
	var order []*series
	for _, p := range chunk {
		if bySeries[p.series] == nil {
			order = append(order, p.series)
		}
		bySeries[p.series] = append(bySeries[p.series], p)
	}
	var rest []place
	for _, s := range order {
		if !e.bisect(ctx, bySeries[s], damage) {
			rest = append(rest, bySeries[s]...)
		}
	}
	switch {
	case ctx.Err() != nil:
	case len(rest) < len(chunk):
		if len(rest) > 0 {
			e.playChunk(ctx, rest)
		}
	default:
		e.playAlone(ctx, rest, damage)
	}
}

// playAlone plays places one by one.
func (e *search) playAlone(ctx context.Context, places []place, damage string) {
	for _, p := range places {
		v := e.subject.confirm(ctx, p.point(), damage)
		if ctx.Err() != nil {
			return
		}
		e.record(ctx, p, v)
		e.tellProgress()
	}
}

// bisect reports whether the damage was done by one of the places.
func (e *search) bisect(ctx context.Context, places []place, damage string) bool {
	if len(places) == 0 || ctx.Err() != nil {
		return false
	}
	last := len(places) - 1
	picked := map[int]verdict{}
	damaging := 0
	for _, i := range []int{0, last / 2, last} {
		if _, done := picked[i]; done || ctx.Err() != nil {
			continue
		}
		v := e.subject.confirm(ctx, places[i].point(), damage)
		if ctx.Err() != nil {
			return false
		}
		picked[i] = v
		if v.code == damage {
			damaging++
		}
	}
	if damaging == 0 || ctx.Err() != nil {
		return false
	}
	for i, v := range picked {
		e.record(ctx, places[i], v)
	}
	if damaging == len(picked) { // then so do those between
		for i := range places {
			if _, done := picked[i]; !done {
				e.record(ctx, places[i], picked[0])
			}
		}
		return true
	}
	for _, part := range [][]place{places[1:max(1, last/2)], places[min(last, last/2+1):last]} {
		if len(part) > 0 && !e.bisect(ctx, part, damage) && ctx.Err() == nil {
			e.playChunk(ctx, part)
		}
	}
	return true
}

// record keeps the verdict of a place, and confirms what is new.
func (e *search) record(ctx context.Context, p place, v verdict) int32 {
	result := green
	switch {
	case v.bad():
		result = e.signatureOf(p.series.point.Direction, v)
	case v.missed:
		result = missed
		e.notReached++
	}
	if p.series.result(p.offset) == unplayed {
		e.played++
	}
	p.series.setResult(p.offset, result)
	if v.bad() && v.declare == "" && !e.told[result] {
		e.told[result] = true
		if e.firstAfter == 0 {
			e.firstAfter = time.Since(e.searching)
		}
		e.confirmSignature(result, p)
	}
	return result
}

// signatureOf returns the index of a violation.
func (e *search) signatureOf(d event.Direction, v verdict) int32 {
	key := fmt.Sprint(d, "|", v.signature())
	if r, ok := e.index[key]; ok {
		return r
	}
	r := int32(len(e.signatures))
	e.signatures = append(e.signatures, v)
	e.index[key] = r
	return r
}

func (e *search) badSignatures() int {
	n := 0
	for _, v := range e.signatures {
		if v.bad() && v.declare == "" {
			n++
		}
	}
	return n
}

// estimate plays a sample and tells how long all of it takes.
func (e *search) estimate(ctx context.Context) Plan {
	var sample []place
	wave := (&schedule{space: e.space}).next()
	for i := 0; i < len(wave); i += max(1, len(wave)/64) {
		sample = append(sample, wave[i])
	}
	began := time.Now()
	e.playSideBySide(ctx, sample)
	if s := time.Since(began).Seconds(); s > 0 {
		e.plan.Rate = float64(len(sample)) / s
		e.plan.Seconds = float64(e.plan.Points) / e.plan.Rate
	}
	return e.plan
}
