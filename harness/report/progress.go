package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/outcome"
)

// ProgressOptions says how a run's progress is told. The zero value tells it in
// plain lines, of a run of unknown length.
type ProgressOptions struct {
	TTY    bool       // a status line, redrawn in place
	Total  int        // scenarios to finish; 0: not known
	Quiet  bool       // nothing is written
	Strict bool       // failures of level should count
	Width  func() int // columns of the terminal, asked at each redraw; nil: 80

	// Costs are what the scenarios to be played took the last time, in any unit, by name:
	// the share that is done and the time that is left are told by them. nil: not known.
	Costs map[string]float64
}

const (
	redrawEvery = 100 * time.Millisecond
	stepEvery   = time.Second     // between lines for each tenth
	lineEvery   = 5 * time.Second // between lines in any case
	longRun     = 2 * time.Second // from when on a scenario is named with its time
)

// A Progress tells how a run is getting on. Its methods are safe for
// concurrent use. Create it with [NewProgress]; the caller must Close it.
type Progress struct {
	w io.Writer
	o ProgressOptions

	mu      sync.Mutex // guards what follows
	running map[int]task
	done    int
	red     int // scenarios with at least one result that turns the run red
	wrote   time.Time
	drawn   bool                // there is a status line on the screen
	said    map[messageKey]bool // what was the matter with a target as a whole
	err     error
	pace    pace
	ticker  ticker
}

type task struct {
	name  string
	since time.Time
}

// NewProgress returns a progress that writes to w.
func NewProgress(w io.Writer, o ProgressOptions) *Progress {
	return &Progress{w: w, o: o, running: map[int]task{}, said: map[messageKey]bool{}, wrote: time.Now(), pace: newPace(o.Costs)}
}

// ScenarioStarted says that the worker proc has begun the scenario.
func (p *Progress) ScenarioStarted(proc int, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[proc] = task{name, time.Now()}
	p.redrawLocked(false)
}

// ScenarioFinished says that a scenario is over, by the name that Started was given.
// One that turns the run red gets a line at once.
func (p *Progress) ScenarioFinished(name string, results []outcome.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for proc, t := range p.running {
		if t.name == name {
			delete(p.running, proc)
			p.pace.noteSlow(name, time.Since(t.since))
		}
	}
	p.done++
	p.pace.noteDone(name)
	if worst := worstGroup(results, p.o.Strict); worst != nil {
		p.red++
		if p.newsLocked(*worst) {
			p.sayLocked(failureLine(name, *worst))
		}
	}
	if p.o.TTY {
		p.redrawLocked(false)
		return
	}
	p.stepLocked()
}

// Close takes the status line off the screen and returns the first error of
// the writer: after one, nothing more was written. It may be called more than
// once.
func (p *Progress) Close() error {
	p.ticker.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.eraseLocked()
	return p.err
}

// worstGroup returns the worst of what turns the run red, nil when nothing does.
func worstGroup(results []outcome.Result, strict bool) *group {
	var worst *group
	groups := groupResults(results, strict, true)
	for i, g := range groups {
		if g.turnsRed(strict) && (worst == nil || g.section > worst.section) {
			worst = &groups[i]
		}
	}
	return worst
}

// newsLocked reports whether a line about g tells something new: a server that
// does not start would else be told once for each scenario.
func (p *Progress) newsLocked(g group) bool {
	key := keyOf(g)
	if g.section != invalid && g.section != blocked || key.message == "" {
		return true
	}
	said := p.said[key]
	p.said[key] = true
	return !said
}

// failureLine tells in one line what of the scenario turns the run red.
func failureLine(name string, g group) string {
	r := g.results[0]
	line := strings.ToUpper(string(r.Verdict)) + " " + name
	if s := variantShare(g); s != "" {
		line += ", " + s
	}
	if message := cleanFirst(r.Message); message != "" {
		line += ": " + message
	}
	return cleanLine(line)
}

// sayLocked writes a line that stays, above the status line.
func (p *Progress) sayLocked(line string) {
	p.eraseLocked()
	p.writeLocked(line + "\n")
	p.redrawLocked(true)
}

// stepLocked writes a line of progress where there are no status lines: when a
// tenth is done, but not every moment, and from time to time in any case.
func (p *Progress) stepLocked() {
	since := time.Since(p.wrote)
	tenth := p.o.Total > 0 && p.done*10/p.o.Total > (p.done-1)*10/p.o.Total
	if since < stepEvery || since < lineEvery && !tenth {
		return
	}
	p.wrote = time.Now()
	p.writeLocked(p.countsLocked() + p.detailsLocked() + "\n")
}

func (p *Progress) redrawLocked(now bool) {
	if !p.o.TTY || !now && p.drawn && time.Since(p.wrote) < redrawEvery {
		return
	}
	p.wrote, p.drawn = time.Now(), true
	p.writeLocked("\r" + fitWidth(p.countsLocked()+p.currentLocked(), p.screenWidth()-1) + "\x1b[K")
}

func (p *Progress) eraseLocked() {
	if p.drawn {
		p.drawn = false
		p.writeLocked("\r\x1b[K")
	}
}

func (p *Progress) countsLocked() string {
	text := fmt.Sprintf("%d done", p.done)
	if p.o.Total > 0 {
		text = fmt.Sprintf("%d of %d done", p.done, p.o.Total)
	}
	text += p.pace.share()
	if p.red > 0 {
		text += fmt.Sprintf(", %d red", p.red)
	}
	return text + p.pace.left()
}

// currentLocked names the scenario that has been running for longest, with its
// time where that is long.
func (p *Progress) currentLocked() string {
	best := -1
	for proc, t := range p.running {
		if best < 0 || t.since.Before(p.running[best].since) || t.since.Equal(p.running[best].since) && proc < best {
			best = proc
		}
	}
	if best < 0 {
		return ""
	}
	text := "  " + cleanLine(p.running[best].name)
	if age := time.Since(p.running[best].since); age >= longRun {
		text += fmt.Sprintf(", for %d s", int(age.Seconds()))
	}
	if n := len(p.running); n > 1 {
		text += fmt.Sprintf(", and %d more", n-1)
	}
	return text
}

func (p *Progress) screenWidth() int {
	if p.o.Width != nil {
		if w := p.o.Width(); w > 0 {
			return w
		}
	}
	return 80
}

func (p *Progress) writeLocked(s string) {
	if p.err == nil && !p.o.Quiet {
		_, p.err = io.WriteString(p.w, s)
	}
}

// fitWidth cuts s to at most width runes.
func fitWidth(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}
