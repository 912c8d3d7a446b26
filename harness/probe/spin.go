package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// A Busy says how much of a processor a tree of processes took.
type Busy struct {
	// Busiest is the share that the busiest thread took of the time in which it
	// could have run: 0 to 1. Time for which it was ready and others ran does not
	// count, so one that spins has 1 on a loaded machine too.
	Busiest float64
	// Total is the processor time of all threads per wall-clock time: 2 is two
	// processors.
	Total    float64
	Program  string        // of the busiest thread
	Pid, TID int           // process and thread of the busiest one
	Elapsed  time.Duration // wall-clock time of the measurement
}

// String says it as "python3 (pid 12) took 98 % of a processor for 50 ms".
func (b Busy) String() string {
	return fmt.Sprintf("%s (pid %d) used %.0f %% of a CPU for %v", b.Program, b.Pid, 100*b.Busiest, b.Elapsed.Round(time.Millisecond))
}

// A SchedStat is what the scheduler has given a thread since it began (schedstat).
type SchedStat struct {
	PID    int           // of its process
	Ran    time.Duration // on a processor
	Waited time.Duration // ready to run, without one
}

// ReadSchedStats returns the turns of all threads of the processes, by thread. Processes
// and threads that vanish meanwhile are left out. Errors: [ErrGone] when none is
// left, sock.ErrUnsupported.
func ReadSchedStats(pids []int) (map[int]SchedStat, error) { return readSchedStats(pids) }

// AnyRunnable reports whether a thread of the processes runs at this moment, or would if it
// got a processor (state R of proc_pid_stat(5)). It is cheap: one that spins is nearly always
// found by two looks. False where the system does not tell.
func AnyRunnable(pids []int) bool { return anyRunnable(pids) }

// longestStretch bounds by how many times its length a measurement grows when
// the busiest thread gets no processor.
const longestStretch = 4

// MeasureSpin blocks while it measures how busy the processes are, when nothing moves
// that could occupy them. It takes as long as over says; up to four times that
// when the busiest thread spends the time in line for a processor. The kernel
// counts in ticks (1 to 10 ms): less than 50 ms is guesswork. Threads that begin
// and end meanwhile are not seen. Errors: the cause of the context, [ErrGone],
// sock.ErrUnsupported.
func MeasureSpin(ctx context.Context, pids func() []int, over time.Duration) (Busy, error) {
	before, err := readSchedStats(pids())
	if err != nil {
		return Busy{}, fmt.Errorf("spin: %w", err)
	}
	start, wait := time.Now(), over
	for {
		if !sleep.For(ctx, wait) {
			return Busy{}, fmt.Errorf("spin: %w", context.Cause(ctx))
		}
		after, err := readSchedStats(pids())
		if err != nil {
			return Busy{}, fmt.Errorf("spin: %w", err)
		}
		b, free := busiestThread(before, after, time.Since(start), over/2)
		// The kernel adds the time in line when it is over: one that is there now may have been all the while.
		unknown := free < over/2 || b.Busiest < 0.5 && anyRunnable(pids())
		if left := longestStretch*over - b.Elapsed; unknown && left > 0 {
			wait = min(over, left)
			continue
		}
		b.Program = programName(b.Pid)
		return b, nil
	}
}

// busiestThread compares two readings, and returns for how long the busiest thread
// could have run. Of a thread that could run for less than enough, nothing is
// known, and the less it ran, the less it counts.
func busiestThread(before, after map[int]SchedStat, elapsed, enough time.Duration) (b Busy, free time.Duration) {
	b = Busy{Busiest: -1, Elapsed: elapsed}
	for tid, now := range after {
		was := before[tid]
		if was.PID != now.PID || was.Ran > now.Ran {
			was = SchedStat{}
		}
		ran, waited := now.Ran-was.Ran, now.Waited-was.Waited
		could := max(elapsed-waited, ran, 1)
		b.Total += float64(ran) / float64(max(elapsed, 1))
		if share := min(1, float64(ran)/float64(max(could, enough))); share > b.Busiest {
			b.Busiest, b.TID, b.Pid, free = share, tid, now.PID, could
		}
	}
	return b, free
}
