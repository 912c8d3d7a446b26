package peer

import (
	"time"

	"github.com/sockharness/harness/harness/procstat"
)

// busyTimes returns the processor time of each process of the tree, and whether one of
// them runs, waits for a processor or a disk, or has used time since before.
func (p *Process) busyTimes(before map[int]time.Duration) (times map[int]time.Duration, busy bool) {
	times = map[int]time.Duration{}
	alive, _ := p.liveMembers()
	for _, m := range alive {
		stat, err := procstat.Read(m.pid)
		if err != nil {
			continue
		}
		times[m.pid] = stat.CPU
		last, known := before[m.pid]
		busy = busy || stat.State == 'R' || stat.State == 'D' || !known || last != stat.CPU
	}
	return times, busy
}
