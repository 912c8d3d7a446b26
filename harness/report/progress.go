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
}

type task struct {
	name  string
	since time.Time
}

// NewProgress returns a progress that writes to w.
func NewProgress(w io.Writer, o ProgressOptions) *Progress {
	return &Progress{w: w, o: o, running: map[int]task{}, said: map[messageKey]bool{}, wrote: time.Now()}
}

// Started says that the worker proc has begun the scenario.
func (p *Progress) Started(proc int, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[proc] = task{name, time.Now()}
	p.redrawLocked(false)
}

// Finished says that a scenario is over, by the name that Started was given.
// One that turns the run red gets a line at once.
func (p *Progress) Finished(name string, results []outcome.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for proc, t := range p.running {
		if t.name == name {
			delete(p.running, proc)
		}
	}
	p.done++
	if worst := worst(results, p.o.Strict); worst != nil {
		p.red++
		if p.newsLocked(*worst) {
			p.sayLocked(failure(name, *worst))
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.eraseLocked()
	return p.err
}

// worst returns the worst of what turns the run red, nil when nothing does.
func worst(results []outcome.Result, strict bool) *group {
	var worst *group
	groups := fold(results, strict)
	for i, g := range groups {
		if g.red(strict) && (worst == nil || g.section > worst.section) {
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

// failure tells in one line what of the scenario turns the run red.
func failure(name string, g group) string {
	r := g.results[0]
	line := strings.ToUpper(string(r.Verdict)) + " " + name
	if s := share(g); s != "" {
		line += ", " + s
	}
	if message := firstLine(r.Message); message != "" {
		line += ": " + message
	}
	return clean(line)
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
	p.writeLocked(p.countsLocked() + "\n")
}

func (p *Progress) redrawLocked(now bool) {
	if !p.o.TTY || !now && p.drawn && time.Since(p.wrote) < redrawEvery {
		return
	}
	p.wrote, p.drawn = time.Now(), true
	p.writeLocked("\r" + fit(p.countsLocked()+p.currentLocked(), p.width()-1) + "\x1b[K")
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
		text = fmt.Sprintf("%d/%d", p.done, p.o.Total)
	}
	if p.red > 0 {
		text += fmt.Sprintf(", %d red", p.red)
	}
	return text
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
	text := "  " + clean(p.running[best].name)
	if age := time.Since(p.running[best].since); age >= longRun {
		text += fmt.Sprintf(", for %d s", int(age.Seconds()))
	}
	if n := len(p.running); n > 1 {
		text += fmt.Sprintf(", and %d more", n-1)
	}
	return text
}

func (p *Progress) width() int {
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

// fit cuts s to at most width runes.
func fit(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}
