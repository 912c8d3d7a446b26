package rig

import (
	"context"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// launchServer starts the server and returns where it listens.
func (b *Testbed) launchServer(ctx context.Context, s scenario.Peer) (*peer.Process, string, error) {
	command := b.expandCommand(s)
	vars := peer.Vars{Tmp: b.folder}
	switch b.transport() {
	case scenario.UDP:
		process, at, err := command.StartDatagramServer(ctx, vars)
		return process, udpPrefix + at.String(), err
	case scenario.Unix:
		if err := b.freePathLocked(); err != nil {
			return nil, "", err
		}
		vars.Path = b.path
	}
	process, err := command.StartServer(ctx, vars)
	if err != nil {
		return nil, "", err
	}
	return process, process.Address(), nil
}

// udpPrefix is what the address of a server of datagrams begins with.
const udpPrefix = "udp:"

// relaunchServer starts the server on the port it had.
func (b *Testbed) relaunchServer(ctx context.Context) (*peer.Process, error) {
	command := b.expandCommand(b.target.Server)
	vars := peer.VarsAt(b.address)
	vars.Tmp = b.folder
	if b.transport() == scenario.UDP {
		process, _, err := command.StartDatagramServer(ctx, vars)
		return process, err
	}
	return command.StartServer(ctx, vars)
}
