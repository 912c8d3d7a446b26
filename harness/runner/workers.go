package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

const (
	// workersStableFor is how long the same processes must have listened to count as the
	// workers. A process per connection has ended by then.
	workersStableFor = 150 * time.Millisecond
	// exitGrace is how long a process may take to end after the bytes that it was sent.
	exitGrace = 20 * time.Millisecond
)

// A serverWorkers is the processes of a server, beside the one that was started, that listen on its
// port while no client is connected, and when each began. A server that replaces a dead worker hides
// its death.
type serverWorkers struct {
	server *peer.Process
	began  map[int]uint64
}

// currentWorkers returns the workers of the running server. If one of them has ended before, it first
// finds out whether they do that after every conversation.
func (p *scenarioRun) currentWorkers(ctx context.Context) serverWorkers {
	p.workersMu.Lock()
	defer p.workersMu.Unlock()
	server, _ := p.target.ServerProcess()
	if p.tc.Role != scenario.Server || server == nil || p.recycles || p.workers.server == server {
		return p.workers
	}
	p.workers = serverWorkers{server, p.awaitStableWorkers(ctx, server)}
	if p.workerDied.Load() && len(p.workers.began) > 0 && p.target.Script() != nil {
		if p.target.FirstExchange(ctx) == nil && p.workers.firstExited(ctx, workersStableFor) != "" {
			p.recycles, p.workers.began = true, nil
		}
	}
	return p.workers
}

// awaitStableWorkers blocks until the same processes have listened for a while. A server that has just
// started may have no workers yet: if it had workers before, it waits for those.
func (p *scenarioRun) awaitStableWorkers(ctx context.Context, server *peer.Process) map[int]uint64 {
	_, several := p.runner.several.Load(p.tc.Target.Name)
	if !several && len(server.ApproxTree()) < 2 {
		return nil
	}
	last, since := listenHolders(server), time.Now()
	for limit := since.Add(4 * workersStableFor); (time.Since(since) < workersStableFor || several && len(last) < 2) && time.Now().Before(limit); {
		if !sleep.For(ctx, 10*time.Millisecond) {
			return nil
		}
		if now := listenHolders(server); !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
	}
	delete(last, server.Pid())
	if len(last) > 0 {
		p.runner.several.Store(p.tc.Target.Name, true)
	}
	return last
}

// listenHolders returns those of the server's processes that have a socket open that
// listens for it, and when each began.
func listenHolders(server *peer.Process) map[int]uint64 {
	all, err := sock.ListenersAt(server.Address())
	if err != nil {
		return nil
	}
	found := map[int]uint64{}
	for _, pid := range server.ApproxTree() {
		for _, l := range all {
			if _, err := sock.DescriptorOf(pid, l.Inode); err == nil {
				found[pid] = peer.StartTime(pid)
			}
		}
	}
	return found
}

// firstExited tells which worker has ended, or ends within the limit; empty: none.
func (s serverWorkers) firstExited(ctx context.Context, limit time.Duration) string {
	if len(s.began) == 0 {
		return ""
	}
	for deadline := time.Now().Add(limit); ; {
		for _, pid := range slices.Sorted(maps.Keys(s.began)) {
			if peer.StartTime(pid) != s.began[pid] {
				return s.describeExit(pid)
			}
		}
		if time.Now().After(deadline) || !sleep.For(ctx, 2*time.Millisecond) {
			return ""
		}
	}
}

func (s serverWorkers) describeExit(pid int) string {
	text := fmt.Sprintf("worker process %d of the server died", pid)
	for other, when := range listenHolders(s.server) {
		if _, old := s.began[other]; !old && other != s.server.Pid() && when != 0 {
			return fmt.Sprintf("%s; process %d has replaced it", text, other)
		}
	}
	return text
}

// deadWorker tells which of the server's processes has ended by this variant.
func (p *scenarioRun) deadWorker(ctx context.Context, s serverWorkers, o scenario.Observation) string {
	if now, _ := p.target.ServerProcess(); now != s.server || len(s.began) == 0 {
		return ""
	}
	limit := time.Duration(0)
	switch {
	case p.workerDied.Load():
		limit = workersStableFor
	case o.Played == nil || !o.Played.OK():
		limit = exitGrace
	}
	lost := s.firstExited(ctx, limit)
	if lost != "" {
		p.workerDied.Store(true)
	}
	return lost
}
