package link

import (
	"io"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// What the source has sent is unread until the link has taken it: bytes, FIN and a reset.
func TestHasUnread(t *testing.T) {
	p := joinPair(t, nil, nil, nil)
	unread := func() bool { return p.up.HasUnread() }
	read := func() bool { return !p.up.HasUnread() }
	if unread() {
		t.Error("something is unread before the first byte")
	}
	_, _ = io.WriteString(p.client, "bytes")
	until(t, "bytes are unread", unread)
	p.stepTo(5)
	p.turnUntil("nothing is unread", read)
	if p.up.NumReads() != 1 || p.up.Dest() != p.down.src || p.up.FINSent() {
		t.Errorf("%d reads, FIN %v, want one read and no FIN", p.up.NumReads(), p.up.FINSent())
	}
	_ = p.client.CloseWrite()
	until(t, "FIN is unread", unread)
	p.wantProgress("FIN", Finished)
	if unread() || !p.up.FINSent() {
		t.Error("FIN is unread behind the end, or was not sent")
	}
	closeByReset(p.server)
	until(t, "a reset is unread", p.down.HasUnread)
}

// A unix socket tells whether there is anything.
func TestHasUnreadOfAUnixSocket(t *testing.T) {
	from, client := unixPair(t)
	p := joinPair(t, nil, nil, func(c *Config) { c.Source = NewSide(event.Client, from) })
	if p.up.HasUnread() || p.up.src.HasUnread(0) {
		t.Error("something is unread before the first byte")
	}
	_, _ = io.WriteString(client, "bytes")
	if !p.up.HasUnread() || !p.up.src.HasUnread(0) {
		t.Error("nothing is unread")
	}
	p.stepTo(5)
	if p.up.HasUnread() {
		t.Error("what was read is unread")
	}
}

// What was taken and not passed on counts, unless a toxic may hold it or the destination
// is gone.
func TestHasUnreadOfWhatWasNotPassedOn(t *testing.T) {
	for name, test := range map[string]struct {
		stages []Stage
		broken bool
		want   bool
	}{"plain": {nil, false, true}, "chain": {[]Stage{splitting()}, false, false}, "broken": {nil, true, false}} {
		t.Run(name, func(t *testing.T) {
			p := joinPair(t, test.stages, nil, nil)
			p.sendAside(string(make([]byte, 16<<20)))
			p.wantProgress("the destination is full", NeedRun)
			p.up.broken.Store(test.broken)
			p.up.src.markEOF() // what the kernel has does not count any more
			if got := p.up.HasUnread(); got != test.want {
				t.Errorf("unread: %v, want %v; received %d, sent %d", got, test.want, p.up.ReceivedBytes(), p.up.SentBytes())
			}
		})
	}
}
