package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A ticker runs one goroutine until it is stopped.
type ticker struct {
	done    chan struct{}
	running sync.WaitGroup
	once    sync.Once
}

func (t *ticker) stop() {
	t.once.Do(func() {
		if t.done != nil {
			close(t.done)
		}
	})
	t.running.Wait()
}

// Start tells of the run also while nothing begins or ends: on a terminal every second,
// elsewhere a line every few seconds. Close ends that. It may be called once, before any
// other method.
func (p *Progress) Start() {
	p.ticker.done = make(chan struct{})
	p.ticker.running.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.tick()
			case <-p.ticker.done:
				return
			}
		}
	})
}

func (p *Progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.o.TTY && p.drawn:
		p.redrawLocked(true)
	case !p.o.TTY && time.Since(p.wrote) >= lineEvery && len(p.running) > 0:
		p.stepLocked()
	}
}

// detailsLocked tells what the workers have been at for long, and what was slowest.
func (p *Progress) detailsLocked() string {
	const most = 4
	var at []string
	procs := slices.SortedFunc(maps.Keys(p.running), func(a, b int) int {
		return cmp.Or(p.running[a].since.Compare(p.running[b].since), cmp.Compare(a, b))
	})
	for _, proc := range procs {
		if age := time.Since(p.running[proc].since); age >= longRun {
			at = append(at, fmt.Sprintf("%s for %d s", cleanLine(p.running[proc].name), int(age.Seconds())))
		}
	}
	text := ""
	if len(at) > 0 {
		more := ""
		if n := len(at) - most; n > 0 {
			at, more = at[:most], fmt.Sprintf(", and %d more", n)
		}
		text = "; running: " + strings.Join(at, ", ") + more
	}
	if p.pace.slow >= slowEnough {
		text += fmt.Sprintf("; slowest: %s, %.1f s", cleanLine(p.pace.slowest), p.pace.slow.Seconds())
	}
	return text
}
