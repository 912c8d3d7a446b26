package report

import (
	"fmt"
	"time"
)

const (
	slowEnough  = time.Second // from when on the slowest scenario is named
	enoughShare = 0.03        // of the work, before the rest is estimated
)

// A pace tells from the times of an earlier run how much is done and how long the rest
// will take.
type pace struct {
	start       time.Time
	costs       map[string]float64 // what is not done
	done, total float64
	slowest     string
	slow        time.Duration
}

func newPace(costs map[string]float64) pace {
	p := pace{start: time.Now(), costs: make(map[string]float64, len(costs))}
	for name, cost := range costs {
		p.costs[name] = cost
		p.total += cost
	}
	return p
}

func (p *pace) noteDone(name string) {
	p.done += p.costs[name]
	delete(p.costs, name)
}

func (p *pace) noteSlow(name string, took time.Duration) {
	if took > p.slow {
		p.slowest, p.slow = name, took
	}
}

// share is the part of the work that is done; empty where no times are known.
func (p *pace) share() string {
	if p.total <= 0 {
		return ""
	}
	percent := 100 * p.done / p.total
	if len(p.costs) > 0 {
		percent = min(percent, 99) // those that took no time worth a percent are still to come
	}
	return fmt.Sprintf(" (%.0f %%)", percent)
}

// left is how long the rest will take at the pace so far.
func (p *pace) left() string {
	if p.total <= 0 || p.done < enoughShare*p.total || len(p.costs) == 0 {
		return ""
	}
	rest := time.Duration(float64(time.Since(p.start)) * max(0, p.total-p.done) / p.done)
	return ", about " + roughDuration(rest) + " left"
}

// roughDuration says no more than is known: "40 s", "3 min".
func roughDuration(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds())+1)
	case d < 100*time.Second:
		return fmt.Sprintf("%d s", (int(d.Seconds())+9)/10*10)
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", int((d + 59*time.Second).Minutes()))
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
