package link

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// turn does what an event loop does when something may have come, or be due.
func (p *pair) turn() Progress {
	src, dst, buf := descriptor(p.t, p.up.src.Conn), descriptor(p.t, p.up.dst.Conn), make([]byte, 16<<10)
	made := WouldBlock
	if !p.up.StepsEnded() {
		made = p.up.StepOnce(src, dst, buf, true)
	}
	if at, held := p.up.NextDue(); made == WouldBlock && held && !at.After(time.Now()) {
		made = p.up.ReleaseDue(dst)
	}
	if made == WouldBlock && p.up.TakesMore() {
		made = p.up.StepOnce(src, dst, buf, true)
	}
	return made
}

// turnUntil takes turns, none of which ends the stream.
func (p *pair) turnUntil(why string, fact func() bool) {
	p.t.Helper()
	until(p.t, why, func() bool {
		if got := p.turn(); got != WouldBlock && got != More {
			p.t.Fatalf("before %q: got progress %d", why, got)
		}
		return fact()
	})
}

// wantProgress takes turns until one says what to do.
func (p *pair) wantProgress(why string, want Progress) {
	p.t.Helper()
	got := WouldBlock
	until(p.t, why, func() bool {
		got = p.turn()
		return got != WouldBlock && got != More
	})
	if got != want {
		p.t.Fatalf("%s: got progress %d, want %d; %s", why, got, want, p.happened())
	}
}

// happened returns the events but those of bytes, in short.
func (p *pair) happened() string {
	var all []string
	for _, e := range p.log.AllEvents() {
		if e.Kind != event.Bytes {
			all = append(all, fmt.Sprintf("%s %s %d", e.Side, e.Kind, e.Offset))
		}
	}
	return strings.Join(all, ", ")
}

func (p *pair) wantHappened(want string) {
	p.t.Helper()
	if got := p.happened(); got != want {
		p.t.Errorf("happened %q, want %q", got, want)
	}
}

// wantRest reads to the end of what the server receives.
func (p *pair) wantRest(why, want string) {
	p.t.Helper()
	if got, err := io.ReadAll(p.server); string(got) != want || err != nil {
		p.t.Errorf("%s: read %q, %v, want %q and FIN", why, got, err, want)
	}
}

func (p *pair) needDiag() {
	if p.up.cfg.Diag == nil {
		p.t.Skip("NOT PROVEN: this system has no sock_diag")
	}
}

// sendAside has the client send while the test goes on.
func (p *pair) sendAside(data string) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(p.client, data)
	}()
	p.t.Cleanup(func() {
		_ = p.client.Close()
		<-sent
	})
}
