package probe

import (
	"fmt"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/plural"
)

// A Diagnosis says how a process tree waits forever.
type Diagnosis struct {
	Waits []Wait        // of each process the one that tells most; those on connections first
	Took  time.Duration // from the call of Stuck to the proof
}

// A Wait is a thread that sleeps in a system call that nothing will end.
type Wait struct {
	Program    string // as in /proc/PID/comm
	Pid, TID   int    // process and thread
	Threads    int    // of the process
	Call       string // name of the system call, such as "recvfrom"
	Descriptor int    // that the call waits on; -1: none
	On         string // what it waits on: "the connection from 127.0.0.1:40112"
	Unread     int    // bytes that lie in the socket's receive queue
	Unsent     int    // bytes in its send queue that the other side does not take
	sends      bool   // the call writes
	connected  bool   // On is a TCP connection
}

// String says it in one sentence per process.
func (d Diagnosis) String() string {
	all := make([]string, len(d.Waits))
	for i, w := range d.Waits {
		all[i] = w.String()
	}
	return strings.Join(all, "; ")
}

// String says it as "python3 (pid 12, 2 threads) waits for ever in recvfrom on
// descriptor 4, the connection from 127.0.0.1:40112: no peer has data for it".
func (w Wait) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (pid %d, %s) waits without end in %s", w.Program, w.Pid, plural.Count(w.Threads, "thread"), w.Call)
	if w.Descriptor >= 0 {
		fmt.Fprintf(&b, " on descriptor %d,", w.Descriptor)
	}
	if w.On != "" {
		fmt.Fprintf(&b, " %s", w.On)
	}
	switch {
	case w.Unread > 0:
		fmt.Fprintf(&b, ", where %s are unread", plural.Count(w.Unread, "byte"))
	case w.sends && w.Unsent > 0:
		fmt.Fprintf(&b, ": the other side does not read %s", plural.Count(w.Unsent, "byte"))
	case w.connected && !w.sends:
		b.WriteString(": no peer has data for it")
	}
	return b.String()
}

const mostNamed = 4 // things of a list that are named one by one

// joinNames joins a few names and counts the rest.
func joinNames(names []string) string {
	named := strings.Join(names[:min(len(names), mostNamed)], ", ")
	if rest := len(names) - mostNamed; rest > 0 {
		named += fmt.Sprintf(" and %d more", rest)
	}
	return named
}
