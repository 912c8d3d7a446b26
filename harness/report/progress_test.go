package report

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/harness/outcome"
)

// play drives p through a run of 40 scenarios on two workers, one of which
// hangs for a while, in simulated time.
func playRun(p *Progress) {
	pass := []outcome.Result{{Target: "kv", Level: outcome.Must, Verdict: outcome.Pass}}
	shouldFail := []outcome.Result{{Target: "kv", Level: outcome.Should, Verdict: outcome.Fail, Message: "not told"}}
	p.ScenarioStarted(2, "kv stall/zero-window")
	for i := range 39 {
		name := fmt.Sprintf("kv eof/scenario-%d", i)
		p.ScenarioStarted(1, name)
		time.Sleep(30 * time.Millisecond)
		switch i {
		case 3:
			p.ScenarioFinished(name, []outcome.Result{aFailure("byte=6"), aFailure("byte=7"), pass[0]})
		case 20:
			p.ScenarioFinished(name, shouldFail)
		case 30:
			p.ScenarioFinished(name, []outcome.Result{{Verdict: outcome.Invalid, Message: "the fault \x1b[2J did not strike\nat all"}})
			time.Sleep(7 * time.Second)
		default:
			p.ScenarioFinished(name, pass)
		}
	}
	p.ScenarioFinished("kv stall/zero-window", pass)
}

func TestProgress(t *testing.T) {
	for name, o := range map[string]ProgressOptions{
		"tty":    {TTY: true, Total: 40, Width: func() int { return 50 }},
		"pipe":   {Total: 40},
		"strict": {Total: 40, Strict: true},
		"quiet":  {TTY: true, Total: 40, Quiet: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bytes.Buffer
				p := NewProgress(&b, o)
				playRun(p)
				if err := p.Close(); err != nil {
					t.Error(err)
				}
				visible := strings.NewReplacer("\x1b[K", "<erase>\n", "\r", "<return>").Replace(b.String())
				checkGolden(t, "progress-"+name+".txt", []byte(visible))
				if strings.Contains(b.String(), "\x1b[2J") || !o.TTY && strings.ContainsAny(b.String(), "\x1b\r") {
					t.Errorf("got control characters in %q", b.String())
				}
			})
		})
	}
}

func TestProgressRedrawsAtMostTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := NewProgress(&b, ProgressOptions{TTY: true})
		for range 2000 {
			p.ScenarioStarted(1, "kv eof/quick")
			time.Sleep(time.Millisecond)
			p.ScenarioFinished("kv eof/quick", nil)
		}
		if n := strings.Count(b.String(), "\r"); n > 21 {
			t.Errorf("got %d redraws in 2 s, want at most 20 and the first", n)
		}
	})
}

func TestProgressRemembersThatNobodyReads(t *testing.T) {
	broken := errors.New("broken pipe")
	p := NewProgress(brokenWriter{broken}, ProgressOptions{TTY: true, Total: 2})
	p.ScenarioStarted(1, "a")
	p.ScenarioFinished("a", []outcome.Result{aFailure("")})
	for range 2 {
		if err := p.Close(); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	}
}

func TestProgressIsSafeForConcurrentUse(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Total: 800})
	var wg sync.WaitGroup
	for proc := range 8 {
		wg.Go(func() {
			for i := range 100 {
				name := fmt.Sprintf("%d/%d", proc, i)
				p.ScenarioStarted(proc, name)
				p.ScenarioFinished(name, []outcome.Result{aFailure(name)})
			}
		})
	}
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(b.String(), "FAIL "); n != 800 {
		t.Errorf("got %d failing lines, want 800", n)
	}
}

func TestProgressTellsOnceWhatIsWrongWithATarget(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{})
	dead := func(target string, pid int) []outcome.Result {
		return []outcome.Result{{Target: target, Level: outcome.Must, Verdict: outcome.Invalid, Message: fmt.Sprintf("server %d exited before it listened", pid)}}
	}
	p.ScenarioFinished("a on kv", dead("kv", 1))
	p.ScenarioFinished("b on kv", dead("kv", 22))
	p.ScenarioFinished("c on kv2", dead("kv2", 1))
	p.ScenarioFinished("d on kv", []outcome.Result{aFailure("byte=6")})
	p.ScenarioFinished("e on kv", []outcome.Result{aFailure("byte=6")})
	if got := strings.Count(b.String(), "before it listened"); got != 2 {
		t.Errorf("got %d lines, want one for each target:\n%s", got, b.String())
	}
	if got := strings.Count(b.String(), "FAIL"); got != 2 {
		t.Errorf("got %d failures, want each to be told:\n%s", got, b.String())
	}
}

// Where there is no terminal a line comes every few seconds, also while nothing ends: with
// what is done by the times of the last run, what is left, what takes long.
func TestProgressTellsWhileNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := NewProgress(&b, ProgressOptions{Total: 3, Costs: map[string]float64{"a on kv": 10, "b on kv": 30, "c on kv": 60}})
		p.Start()
		p.ScenarioStarted(1, "a on kv")
		time.Sleep(2 * time.Second)
		p.ScenarioFinished("a on kv", nil)
		p.ScenarioStarted(1, "b on kv")
		p.ScenarioStarted(2, "c on kv")
		time.Sleep(11 * time.Second)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		checkGolden(t, "progress-ticks.txt", b.Bytes())
		time.Sleep(time.Minute) // nothing is left that would write
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
