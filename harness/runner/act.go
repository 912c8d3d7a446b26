package runner

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// An act is the rig that a variant's Act is given.
type act struct {
	stage *stage
}

var errNotOurs = errors.New("the server is not a process of ours")

func (a *act) bench() *bench { return a.stage.play.bench }

// Dial implements [scenario.Rig].
func (a *act) Dial(ctx context.Context) (sock.Conn, error) {
	_, address := a.bench().process()
	return dial(ctx, address)
}

// Converse implements [scenario.Rig]. It takes no longer than the budget of the case.
func (a *act) Converse(ctx context.Context) (dialogue.Played, error) {
	conn, err := a.Dial(ctx)
	if err != nil {
		return dialogue.Played{}, err
	}
	defer conn.Close()
	ctx, stop := wait{budget: a.stage.kase.Budget, pids: a.bench().tree, near: a.bench().near}.begin(ctx)
	defer stop()
	return a.bench().script.PlayClient(ctx, conn, dialogue.Options{}), nil
}

// Pause implements [scenario.Rig].
func (a *act) Pause(ctx context.Context) error {
	process, _ := a.bench().process()
	if process == nil {
		return errNotOurs
	}
	return pause(ctx, process)
}

// Resume implements [scenario.Rig].
func (a *act) Resume() error {
	process, _ := a.bench().process()
	if process == nil {
		return errNotOurs
	}
	return resume(process)
}

// Restart implements [scenario.Rig].
func (a *act) Restart(ctx context.Context) error { return a.bench().restart(ctx) }

// Struck implements [scenario.Rig].
func (a *act) Struck(detail string) {
	a.stage.log.Add(event.Event{Kind: event.Struck, Toxic: "act", Detail: detail})
}

// Accepted implements [scenario.Rig].
func (a *act) Accepted(conn sock.Conn) (bool, error) {
	diag, server, client, err := question(conn)
	if err != nil {
		return false, err
	}
	defer diag.Close()
	s, err := diag.Lookup(server, client)
	return s.Inode != 0, err
}

// AwaitAccepted implements [scenario.Rig].
func (a *act) AwaitAccepted(ctx context.Context, conn sock.Conn) (closed func(context.Context) bool, err error) {
	diag, server, client, err := question(conn)
	if err != nil {
		return nil, err
	}
	defer diag.Close()
	if err := diag.AwaitAccepted(ctx, server, client); err != nil {
		return nil, err
	}
	s, err := diag.Lookup(server, client)
	return func(ctx context.Context) bool { return a.awaitClosed(ctx, s.Inode) }, err
}

// awaitClosed blocks until no process of the server has the socket open, or the context
// ends, and reports which. The kernel gives no event for that to others.
func (a *act) awaitClosed(ctx context.Context, inode uint32) bool {
	const longest = 25 * time.Millisecond
	for pause := time.Millisecond; a.holds(inode); pause = min(pause*5/4, longest) {
		if !sleep(ctx, pause) {
			return false
		}
	}
	return true
}

func (a *act) holds(inode uint32) bool {
	for _, pid := range a.bench().near() {
		if _, err := sock.DescriptorOf(pid, inode); err == nil {
			return true
		}
	}
	return false
}

// question returns whom to ask about the server's end of conn, and its name.
func question(conn sock.Conn) (diag *sock.Diag, server, client netip.AddrPort, err error) {
	if server, err = netip.ParseAddrPort(conn.RemoteAddr().String()); err != nil {
		return nil, server, client, err
	}
	if client, err = netip.ParseAddrPort(conn.LocalAddr().String()); err != nil {
		return nil, server, client, err
	}
	diag, err = sock.OpenDiag()
	return diag, server, client, err
}
