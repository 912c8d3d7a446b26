package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

const (
	// steady is for how long the same processes must have listened to be the staff: what
	// is left of a process per connection has ended by then.
	steady = 150 * time.Millisecond
	// passing is how long a process may take to end of what it was sent.
	passing = 20 * time.Millisecond
)

// A staff is the processes of a server, beside the one that was started, that listen on
// its port while nobody talks to them, and when each began: whoever starts another one
// when one has died hides that.
type staff struct {
	server *peer.Process
	began  map[int]uint64
}

// staff returns that of the server that runs now. Where one of them has ended before, it is
// found out first whether that is what they do after every conversation.
func (p *play) staff(ctx context.Context) staff {
	p.mustering.Lock()
	defer p.mustering.Unlock()
	server, address := p.bench.process()
	if p.kase.Role != scenario.Server || server == nil || p.recycles || p.mustered.server == server {
		return p.mustered
	}
	p.mustered = staff{server, p.muster(ctx, server)}
	if p.lost.Load() && len(p.mustered.began) > 0 && p.bench.script != nil {
		if greet(ctx, address, p.bench.script) == nil && p.mustered.missing(ctx, steady) != "" {
			p.recycles, p.mustered.began = true, nil
		}
	}
	return p.mustered
}

// muster blocks until the same processes have listened for a while. A server that has
// just been started may not have made them yet: what it had before is awaited.
func (p *play) muster(ctx context.Context, server *peer.Process) map[int]uint64 {
	_, several := p.runner.several.Load(p.bench.target.Name)
	if !several && len(server.Near()) < 2 {
		return nil
	}
	last, since := holders(server), time.Now()
	for limit := since.Add(4 * steady); (time.Since(since) < steady || several && len(last) < 2) && time.Now().Before(limit); {
		if !sleep(ctx, 10*time.Millisecond) {
			return nil
		}
		if now := holders(server); !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
	}
	delete(last, server.Pid())
	if len(last) > 0 {
		p.runner.several.Store(p.bench.target.Name, true)
	}
	return last
}

// holders returns those of the server's processes that have a socket open that
// listens for it, and when each began.
func holders(server *peer.Process) map[int]uint64 {
	all, err := listenersAt(server.Addr())
	if err != nil {
		return nil
	}
	found := map[int]uint64{}
	for _, pid := range server.Near() {
		for _, l := range all {
			if _, err := sock.DescriptorOf(pid, l.Inode); err == nil {
				found[pid] = peer.Began(pid)
			}
		}
	}
	return found
}

// missing tells who of the staff has ended, or ends within the limit; empty: nobody.
func (s staff) missing(ctx context.Context, limit time.Duration) string {
	if len(s.began) == 0 {
		return ""
	}
	for deadline := time.Now().Add(limit); ; {
		for _, pid := range slices.Sorted(maps.Keys(s.began)) {
			if peer.Began(pid) != s.began[pid] {
				return s.obituary(pid)
			}
		}
		if time.Now().After(deadline) || !sleep(ctx, 2*time.Millisecond) {
			return ""
		}
	}
}

func (s staff) obituary(pid int) string {
	text := fmt.Sprintf("its process %d, which listened, is gone", pid)
	for other, when := range holders(s.server) {
		if _, old := s.began[other]; !old && other != s.server.Pid() && when != 0 {
			return fmt.Sprintf("%s, and process %d listens in its place", text, other)
		}
	}
	return text
}

// bereaved tells which of the server's processes has ended by this variant.
func (p *play) bereaved(ctx context.Context, s staff, o scenario.Observation) string {
	if now, _ := p.bench.process(); now != s.server || len(s.began) == 0 {
		return ""
	}
	limit := time.Duration(0)
	switch {
	case p.lost.Load():
		limit = steady
	case o.Played == nil || !o.Played.OK():
		limit = passing
	}
	lost := s.missing(ctx, limit)
	if lost != "" {
		p.lost.Store(true)
	}
	return lost
}
