package runner

import (
	"context"
	"errors"
	"net/netip"

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

// Converse implements [scenario.Rig].
func (a *act) Converse(ctx context.Context) (dialogue.Played, error) {
	conn, err := a.Dial(ctx)
	if err != nil {
		return dialogue.Played{}, err
	}
	defer conn.Close()
	return a.bench().script.PlayClient(ctx, conn, dialogue.Options{}), nil
}

// Pause implements [scenario.Rig].
func (a *act) Pause() error {
	process, _ := a.bench().process()
	if process == nil {
		return errNotOurs
	}
	return pause(process)
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
	diag, err := sock.OpenDiag()
	if err != nil {
		return false, err
	}
	defer diag.Close()
	local, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return false, err
	}
	remote, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return false, err
	}
	s, err := diag.Lookup(local, remote)
	return s.Inode != 0, err
}
