package probe

import (
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/plural"
)

// A Usage is what a tree of processes held at one moment.
type Usage struct {
	At          time.Time     // when it was measured
	Processes   int           // number of processes
	Threads     int           // number of threads, of all processes
	Zombies     int           // children of the tree that have ended and that nobody has waited for
	CPU         time.Duration // user and system, of all threads, and in steps of 10 ms of children waited for
	Memory      int64         // resident bytes, shared ones counted in each process; the kernel's count lags by some 100 KiB
	Descriptors int           // open descriptors
	Sockets     int           // among the descriptors
	CloseWait   int           // TCP sockets whose peer has said goodbye and that are still open
	Switches    uint64        // times that a thread which runs now gave the processor up by itself

	open map[string]int // how often each descriptor is open, by its description
}

// Growth is the difference between two readings of the same tree.
type Growth struct {
	Elapsed     time.Duration // time between the two
	CPU         time.Duration // more processor time
	Memory      int64         // more resident bytes
	Processes   int           // more processes
	Threads     int           // more threads
	Zombies     int           // more zombies
	Descriptors int           // more open descriptors
	Sockets     int           // more open sockets
	CloseWait   int           // more sockets whose peer has closed
	Switches    int64         // more voluntary context switches
	Opened      []string      // what is open now and was not before, sorted, such as "socket 127.0.0.1:80 -> 127.0.0.1:4711 (close-wait)"
}

// MeasureUsage reads what the processes hold now. Those that have ended meanwhile
// count as nothing; [ErrGone] when none is left. Without the rights to look the
// error is sock.ErrUnsupported. It blocks for some 0.5 ms.
func MeasureUsage(pids []int) (Usage, error) { return measureUsage(pids, true) }

// MeasureFast is Measure without a look at the kernel's table of connections, which is
// most of its cost: CloseWait is 0, and sockets have no addresses.
func MeasureFast(pids []int) (Usage, error) { return measureUsage(pids, false) }

// GrowthSince returns what has grown from before to u.
func (u Usage) GrowthSince(before Usage) Growth {
	g := Growth{
		Elapsed: u.At.Sub(before.At), CPU: u.CPU - before.CPU, Memory: u.Memory - before.Memory,
		Processes: u.Processes - before.Processes, Threads: u.Threads - before.Threads,
		Zombies: u.Zombies - before.Zombies, Descriptors: u.Descriptors - before.Descriptors,
		Sockets: u.Sockets - before.Sockets, CloseWait: u.CloseWait - before.CloseWait,
		Switches: int64(u.Switches) - int64(before.Switches),
	}
	for name, n := range u.open {
		for range n - before.open[name] {
			g.Opened = append(g.Opened, name)
		}
	}
	slices.Sort(g.Opened)
	return g
}

// String says what there is more or less of what a tree must give back:
// "3 descriptors more than before: socket 127.0.0.1:80 -> 127.0.0.1:4711, …; 1
// zombie more than before". It is "nothing" when that is so. Memory, time and
// switches are not part of it: they are judged over repeats.
func (g Growth) String() string {
	var all []string
	say := func(n int, noun string) {
		switch {
		case n > 0:
			all = append(all, plural.Count(n, noun)+" more than before")
		case n < 0:
			all = append(all, plural.Count(-n, noun)+" less than before")
		}
	}
	say(g.Descriptors, "descriptor")
	if g.Descriptors > 0 && len(g.Opened) > 0 {
		all[0] += ": " + joinNames(g.Opened)
	}
	if g.CloseWait > 0 {
		all = append(all, plural.Count(g.CloseWait, "socket")+" more than before in close-wait")
	}
	say(g.Processes, "process")
	say(g.Threads, "thread")
	say(g.Zombies, "zombie")
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, "; ")
}
