package peer

import (
	"bytes"
	"time"

	"github.com/sockharness/harness/harness/procstat"
)

// aloneFor is how old the last whole look may be on which one that reads less builds: in
// that time no id can be given to a second process or thread.
const aloneFor = time.Second

// An alone remembers that a peer was one process without descendants, and sees at a
// tenth of the cost of a whole look whether that is still so. It is guarded by looking.
type alone struct {
	ours    *procstat.OrphanFiles // who may be an orphan of the peer; nil: nothing is kept
	threads *procstat.ThreadFiles // of the process; nil: it was not alone
	self    member                // the process
	orphans []byte                // what ours said before the last whole look
	whole   bool                  // orphans is all that it said
	count   int                   // of threads, at the last whole look that found no descendants
	at      time.Time             // of that look
	spent   time.Duration         // processor time of the process before it was last seen to be alone; 0: not known
	over    bool                  // the process was stopped
}

// stillAlone returns the process where it is known to have no descendants now.
func (a *alone) stillAlone() (member, bool) {
	if a.threads == nil || !a.whole || time.Since(a.at) > aloneFor {
		return member{}, false
	}
	spent, err := procstat.CPUTime(a.self.pid)
	if err == nil && spent == a.spent {
		return a.self, true // it has not run since, and so begun nobody
	}
	if a.spent = 0; !a.threads.AreChildless() {
		return member{}, false
	}
	now, whole := a.ours.Append(nil)
	if !whole || !bytes.Equal(now, a.orphans) {
		return member{}, false
	}
	if err == nil {
		a.spent = spent
	}
	return a.self, true
}

// beginLook notes what a whole look, which comes now, is about.
func (a *alone) beginLook() {
	if a.ours == nil && !a.over {
		a.ours, _ = procstat.OpenOrphanFiles()
	}
	if a.ours != nil {
		a.at = time.Now()
		a.orphans, a.whole = a.ours.Append(a.orphans[:0])
	}
}

// endLook keeps what the look has found. Files are opened for a process only that had as many threads at
// the last look: one that starts a thread for each client would have them opened every time.
func (a *alone) endLook(pid int, found []member) {
	if a.ours == nil || len(found) != 1 || found[0].pid != pid {
		a.forget()
		return
	}
	if a.self = found[0]; a.threads != nil && a.threads.AreChildless() {
		return
	}
	a.forget()
	before := a.count
	if a.count = procstat.CountThreads(pid); a.count == before {
		a.threads, _ = procstat.OpenThreadFiles(pid)
	}
}

func (a *alone) forget() {
	a.spent = 0
	if a.threads != nil {
		a.threads.Close()
		a.threads = nil
	}
}

// end closes all files for good.
func (a *alone) end() {
	a.forget()
	if a.over = true; a.ours != nil {
		a.ours.Close()
		a.ours = nil
	}
}
