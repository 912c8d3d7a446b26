package rig

import (
	"context"
	"errors"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// StartSecondInstance implements [scenario.Rig].
func (a *rig) StartSecondInstance(ctx context.Context, address string) (scenario.SecondInstance, error) {
	b := a.setup.testbed
	server := b.target.Server
	if len(server.Command) == 0 {
		return scenario.SecondInstance{}, errNotOurs
	}
	tmp, err := b.programs.tempFolder(server)
	if err != nil {
		return scenario.SecondInstance{}, err
	}
	vars := peer.VarsAt(address)
	vars.Tmp = tmp
	command := b.programs.command(server)
	command.Ready = peer.Ready{}
	process, err := command.StartClient(ctx, vars)
	if err != nil {
		return scenario.SecondInstance{}, err
	}
	defer process.Close()
	exit, err := a.awaitEnd(ctx, process)
	found := scenario.SecondInstance{Stderr: process.Stderr().TailBytes()}
	if err == nil {
		found.Exit = &exit
		return found, nil
	}
	found.StillRunning, found.Stuck = err.Error(), errors.As(err, new(*await.StuckError))
	found.ListenAddrs, err = listenAddrs(process)
	return found, err
}

// listenAddrs returns where the process and its descendants listen.
func listenAddrs(process *peer.Process) ([]string, error) {
	diag, err := sock.OpenDiag()
	if err != nil {
		return nil, err
	}
	defer diag.Close()
	pids := process.ProcessTree()
	all, err := diag.AllListeners()
	var found []string
	for _, l := range all {
		if holdsSocket(pids, l.Inode) {
			found = append(found, l.Addr.String())
		}
	}
	sockets, _ := diag.UnixSockets()
	for _, s := range sockets {
		if s.State == sock.Listen && holdsSocket(pids, s.Inode) {
			found = append(found, "unix:"+s.Name)
		}
	}
	return found, err
}
