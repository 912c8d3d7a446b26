package runner

import (
	"context"
	"net/netip"
	"strconv"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// StartBeside implements [scenario.Rig].
func (a *act) StartBeside(ctx context.Context, addr netip.AddrPort) (scenario.Beside, error) {
	b := a.bench()
	server := b.target.Server
	if len(server.Command) == 0 {
		return scenario.Beside{}, errNotOurs
	}
	tmp, err := b.tmp(server)
	if err != nil {
		return scenario.Beside{}, err
	}
	command := b.command(server)
	command.Ready = peer.Ready{}
	process, err := command.StartClient(ctx, peer.Vars{Host: addr.Addr().String(), Port: strconv.Itoa(int(addr.Port())), Tmp: tmp})
	if err != nil {
		return scenario.Beside{}, err
	}
	defer process.Close()
	exit, err := a.ended(ctx, process)
	found := scenario.Beside{Stderr: process.Stderr().Tail()}
	if err == nil {
		found.Exit = &exit
		return found, nil
	}
	found.Waits = err.Error()
	found.Listens, err = listening(process)
	return found, err
}

// listening returns where the process and its descendants listen.
func listening(process *peer.Process) ([]netip.AddrPort, error) {
	diag, err := sock.OpenDiag()
	if err != nil {
		return nil, err
	}
	defer diag.Close()
	all, err := diag.Listeners()
	var found []netip.AddrPort
	for _, l := range all {
		for _, pid := range process.Tree() {
			if _, err := sock.DescriptorOf(pid, l.Inode); err == nil {
				found = append(found, l.Addr)
				break
			}
		}
	}
	return found, err
}
