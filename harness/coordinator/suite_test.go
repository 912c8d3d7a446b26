package coordinator

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
)

// The test binary plays every part: the tests; workers that run one of the
// suites below; workers without Ginkgo; a preview; and a coordinator to be killed.
const (
	partVariable  = "COORDINATOR_TEST_PART"
	suiteVariable = "COORDINATOR_TEST_SUITE"
	seed          = 7
)

func TestMain(m *testing.M) {
	switch os.Getenv(partVariable) {
	case "worker":
		os.Exit(playWorker())
	case "player":
		os.Exit(playPlayer())
	case "preview":
		os.Exit(playPreview())
	case "coordinator":
		os.Exit(playCoordinator())
	}
	os.Exit(m.Run())
}

type verdict struct{ failed bool }

func (v *verdict) Fail() { v.failed = true }

func (v *verdict) status() int {
	if v.failed {
		return 1
	}
	return 0
}

func declare() {
	suites[os.Getenv(suiteVariable)]()
}

func config() (types.SuiteConfig, types.ReporterConfig) {
	c, r := ginkgo.GinkgoConfiguration()
	c.RandomSeed = seed
	return c, r
}

// playWorker is a test binary that uses Ginkgo and not this package. Its flags are those of the
// command line that Foreign makes.
func playWorker() int {
	if os.Getenv(suiteVariable) == "stillborn" {
		fmt.Fprintln(os.Stderr, "no such port")
		return 3
	}
	declare()
	c, r := config()
	var p types.SuiteConfig
	if err := json.Unmarshal([]byte(os.Args[1]), &p); err != nil {
		return 2
	}
	c.RandomSeed, c.FailFast = p.RandomSeed, p.FailFast
	c.ParallelProcess, c.ParallelTotal, c.ParallelHost = p.ParallelProcess, p.ParallelTotal, p.ParallelHost
	c.SkipStrings = append(c.SkipStrings, p.SkipStrings...)
	c.OutputInterceptorMode = "swap" // the trace of a crash still goes to stderr
	v := &verdict{}
	ginkgo.RunSpecs(v, "suite", c, r)
	return v.status()
}

// foreign tells such a worker its number and the total.
func foreign(cmd *exec.Cmd, parallel types.SuiteConfig) error {
	arg, err := json.Marshal(parallel)
	cmd.Args = append(cmd.Args, string(arg))
	return err
}

func playPreview() int {
	declare()
	c, r := config()
	report := ginkgo.PreviewSpecs("suite", c, r)
	if json.NewEncoder(os.Stdout).Encode(report) != nil {
		return 1
	}
	return 0
}

// self makes a command of this binary that plays part with suite.
func self(part, suite string, args ...string) *exec.Cmd {
	binary, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(binary, args...)
	// The race detector would sleep for a second at every exit.
	cmd.Env = append(os.Environ(), partVariable+"="+part, suiteVariable+"="+suite, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// suites are what workers run.
var suites = map[string]func(){
	"mixed":    mixed,
	"steady":   steady,
	"serial":   serial,
	"synced":   synced,
	"slow":     slow,
	"meeting":  meeting,
	"hang":     hang,
	"stubborn": stubborn,
	"early":    early,
	"nothing":  func() { trivial(1) },
	"trivial":  func() { trivial(1000) },
	"late":     late,
	"retire":   retire,
	"chatty":   chatty,
	"litter":   litter,
	"printing": printing,
}

func passing() {}

func mixed() {
	for g := range 4 {
		ginkgo.Describe(fmt.Sprintf("group %d", g), ginkgo.Label("l"), func() {
			for i := range 6 {
				ginkgo.It(fmt.Sprintf("passes %d", i), passing)
			}
			ginkgo.It("fails", func() { ginkgo.Fail("on purpose") })
			ginkgo.It("panics", func() { panic("on purpose") })
			ginkgo.It("exits", func() {
				fmt.Fprintln(realStderr, "last words")
				os.Exit(9)
			})
			ginkgo.PIt("is pending", passing)
			ginkgo.It("skips", func() { ginkgo.Skip("not here") })
			ginkgo.It("is slow", func(ctx context.Context) { wait(ctx, 20*time.Millisecond) })
		})
	}
	ginkgo.Describe("ordered", ginkgo.Ordered, func() {
		ginkgo.It("is first", passing)
		ginkgo.It("is second", passing)
		ginkgo.It("is third", passing)
	})
	ginkgo.Describe("broken", ginkgo.Ordered, func() {
		ginkgo.It("is first", passing)
		ginkgo.It("exits second", func() { os.Exit(9) })
		ginkgo.It("never runs", passing)
	})
}

// No interceptor of Ginkgo replaces these two.
var realStdout, realStderr = os.Stdout, os.Stderr

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func steady() {
	for g := range 5 {
		ginkgo.Describe(fmt.Sprintf("group %d", g), func() {
			for i := range 12 {
				ginkgo.It(fmt.Sprintf("passes %d", i), func(ctx context.Context) { wait(ctx, 2*time.Millisecond) })
			}
		})
	}
}

func serial() {
	for i := range 10 {
		ginkgo.It(fmt.Sprintf("parallel %d", i), passing)
	}
	for i := range 4 {
		ginkgo.It(fmt.Sprintf("serial %d", i), ginkgo.Serial, passing)
	}
	ginkgo.It("serial exits", ginkgo.Serial, func() { os.Exit(9) })
	ginkgo.It("exits", ginkgo.Serial, func() { os.Exit(9) })
	ginkgo.Describe("ordered serial", ginkgo.Serial, ginkgo.Ordered, func() {
		ginkgo.It("first", passing)
		ginkgo.It("exits second", func() { os.Exit(9) })
		ginkgo.It("never runs", passing)
	})
}

func synced() {
	data := ""
	ginkgo.SynchronizedBeforeSuite(func() []byte { return []byte("made by 1") }, func(b []byte) { data = string(b) })
	ginkgo.SynchronizedAfterSuite(func() {}, func() {})
	ginkgo.ReportBeforeSuite(func(ginkgo.Report) {})
	ginkgo.ReportAfterSuite("counts", func(r ginkgo.Report) {
		n := 0
		for _, s := range r.SpecReports {
			if s.LeafNodeType == types.NodeTypeIt {
				n++
			}
		}
		if n != 20 || r.RunTime > time.Hour {
			ginkgo.Fail(fmt.Sprintf("got %d specs in %v, want 20", n, r.RunTime))
		}
	})
	for i := range 20 {
		ginkgo.It(fmt.Sprintf("sees it %d", i), func() {
			if data != "made by 1" {
				ginkgo.Fail("got " + data)
			}
		})
	}
}

// slow is in a container, and numbered with two digits, because only that keeps
// the order of the specs.
func slow() {
	ginkgo.Describe("group", func() {
		for i := range 20 {
			ginkgo.It(fmt.Sprintf("is slow %02d", i), func(ctx context.Context) {
				if i < 4 {
					return
				}
				ginkgo.DeferCleanup(func() { ginkgo.AddReportEntry("cleaned") })
				fmt.Fprintln(realStdout, "ready")
				wait(ctx, time.Hour)
			})
		}
	})
}

// meetingFolder names a folder in which the workers of a meeting leave a file each.
const meetingFolder = "COORDINATOR_TEST_MEETING"

// meeting has three specs of which none ends before three processes run one.
func meeting() {
	for i := range 3 {
		ginkgo.It(fmt.Sprintf("waits for others %d", i), func(ctx context.Context) {
			folder := os.Getenv(meetingFolder)
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(os.Getpid())), nil, 0o600); err != nil {
				ginkgo.Fail(err.Error())
			}
			for ctx.Err() == nil {
				if all, _ := os.ReadDir(folder); len(all) == 3 {
					return
				}
				wait(ctx, 10*time.Millisecond)
			}
		})
	}
}

func hang() {
	for i := range 4 {
		ginkgo.It(fmt.Sprintf("passes %d", i), passing)
	}
	ginkgo.It("hangs", func() {
		for {
			time.Sleep(time.Hour) // a spec that hears no context is the subject
		}
	})
}

// stubborn ignores ^C.
func stubborn() {
	ginkgo.It("is stubborn", func() {
		signal.Ignore(os.Interrupt)
		fmt.Fprintln(realStdout, "ready")
		time.Sleep(time.Hour) // a spec that hangs is the subject
	})
}

// early dies before the first spec.
func early() {
	ginkgo.BeforeSuite(func() {
		fmt.Fprintln(realStderr, "no database")
		os.Exit(5)
	})
	trivial(3)
}

// late dies when everything is reported.
func late() {
	ginkgo.AfterSuite(func() { os.Exit(6) })
	trivial(5)
}

func retire() {
	for i := range 6 {
		ginkgo.It(fmt.Sprintf("leaks %d", i), ginkgo.SpecTimeout(10*time.Millisecond), ginkgo.GracePeriod(10*time.Millisecond), func(ctx context.Context) {
			ginkgo.AddReportEntry("pid", os.Getpid())
			if i%3 == 0 {
				time.Sleep(time.Hour) // a spec that hears no context is the subject
			}
		})
	}
}

func trivial(n int) {
	for i := range n {
		ginkgo.It(fmt.Sprintf("is trivial %d", i), passing)
	}
}

func chatty() {
	ginkgo.It("panics behind Ginkgo's back", func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			panic("stray goroutine")
		}()
		<-done
		select {}
	})
	trivial(2)
}

// litter leaves a program behind that shares nothing with the worker but its
// session.
func litter() {
	ginkgo.It("leaves a program behind", func() {
		cmd := exec.Command("sleep", "1h")
		cmd.Stdout = realStdout
		apart(cmd)
		if err := cmd.Start(); err != nil {
			ginkgo.Fail(err.Error())
		}
		fmt.Fprintln(realStdout, "ready")
		os.Exit(9)
	})
}

// printing prints in each of its specs.
func printing() {
	flood := func(words string) {
		fmt.Fprintln(realStdout, "first "+words)
		for range 8 {
			fmt.Fprintln(realStdout, strings.Repeat("x", 1<<20))
		}
		fmt.Fprintln(realStderr, "last "+words)
	}
	ginkgo.Describe("group", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		ginkgo.It("passes", func() { flood("of one that passes") })
		ginkgo.It("says nothing", func() { ginkgo.Fail("on purpose") })
		ginkgo.It("fails", func() {
			flood("of one that fails")
			fmt.Fprint(ginkgo.GinkgoWriter, strings.Repeat("y", 1<<20))
			ginkgo.Fail("on purpose")
		})
		ginkgo.It("says little", func() {
			fmt.Fprintln(realStdout, "one")
			fmt.Fprintln(realStderr, "two")
			fmt.Fprintln(realStdout, "three")
			ginkgo.Fail("on purpose")
		})
	})
	ginkgo.It("exits", ginkgo.Serial, func() {
		flood("of one that exits")
		os.Exit(9)
	})
}
