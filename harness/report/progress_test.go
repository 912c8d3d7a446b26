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
	p.Started(2, "kv stall/zero-window")
	for i := range 39 {
		name := fmt.Sprintf("kv eof/scenario-%d", i)
		p.Started(1, name)
		time.Sleep(30 * time.Millisecond)
		switch i {
		case 3:
			p.Finished(name, []outcome.Result{aFailure("byte=6"), aFailure("byte=7"), pass[0]})
		case 20:
			p.Finished(name, shouldFail)
		case 30:
			p.Finished(name, []outcome.Result{{Verdict: outcome.Invalid, Message: "the fault \x1b[2J did not strike\nat all"}})
			time.Sleep(7 * time.Second)
		default:
			p.Finished(name, pass)
		}
	}
	p.Finished("kv stall/zero-window", pass)
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
			p.Started(1, "kv eof/quick")
			time.Sleep(time.Millisecond)
			p.Finished("kv eof/quick", nil)
		}
		if n := strings.Count(b.String(), "\r"); n > 21 {
			t.Errorf("got %d redraws in 2 s, want at most 20 and the first", n)
		}
	})
}

func TestProgressRemembersThatNobodyReads(t *testing.T) {
	broken := errors.New("broken pipe")
	p := NewProgress(brokenWriter{broken}, ProgressOptions{TTY: true, Total: 2})
	p.Started(1, "a")
	p.Finished("a", []outcome.Result{aFailure("")})
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
				p.Started(proc, name)
				p.Finished(name, []outcome.Result{aFailure(name)})
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
	p.Finished("a on kv", dead("kv", 1))
	p.Finished("b on kv", dead("kv", 22))
	p.Finished("c on kv2", dead("kv2", 1))
	p.Finished("d on kv", []outcome.Result{aFailure("byte=6")})
	p.Finished("e on kv", []outcome.Result{aFailure("byte=6")})
	if got := strings.Count(b.String(), "before it listened"); got != 2 {
		t.Errorf("got %d lines, want one for each target:\n%s", got, b.String())
	}
	if got := strings.Count(b.String(), "FAIL"); got != 2 {
		t.Errorf("got %d failures, want each to be told:\n%s", got, b.String())
	}
}
