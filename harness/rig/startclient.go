package rig

import (
	"context"
	"net/netip"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// ClientOptions say how a client program is started.
type ClientOptions struct {
	Address   string                                 // where it is to connect
	Scenario  string                                 // id of the scenario, for {scenario}
	OnConnect func(netip.AddrPort) peer.ConnectReply // answers its connects; nil: they lead to the address, where it is not told that
	OnSend    func(peer.Send) int                    // see [peer.Command]; nil: the kernel takes what it sends
	Names     *scenario.NameService                  // that it knows; nil: those that have no fault
}

// StartClient starts the client of the target. The caller must close the process. The error is a
// *peer.Error, which wraps [peer.ErrNoInterception] where this machine does not let others
// answer connects; or that of a name service, or of addresses that the client connects to.
func (p *Programs) StartClient(ctx context.Context, o ClientOptions) (*peer.Process, error) {
	client, names, err := p.target.Client, o.Names, error(nil)
	if names == nil {
		names, err = p.names.Open(ctx, client)
	}
	if err != nil {
		return nil, err
	}
	vars := peer.VarsAt(o.Address)
	vars.Scenario = o.Scenario
	if vars.Tmp, err = p.tempFolder(client); err != nil {
		return nil, err
	}
	command := p.command(client)
	if command.OnConnect = o.OnConnect; o.OnConnect == nil {
		if command.OnConnect, err = client.RedirectConnects(ctx, o.Address); err != nil {
			return nil, err
		}
	}
	if command.OnSend = o.OnSend; o.OnSend != nil && command.OnConnect == nil {
		command.OnConnect = func(netip.AddrPort) peer.ConnectReply { return peer.ConnectReply{} }
	}
	names.GiveTo(ctx, &command)
	return command.StartClient(ctx, vars)
}

// startClient starts the client under test. The error wraps [scenario.ErrUnsupported] where this
// machine does not let us answer its connects.
func (b *Testbed) startClient(ctx context.Context, o ClientOptions) (*peer.Process, error) {
	process, err := b.programs.StartClient(ctx, o)
	return process, unsupportedIfUnable(err)
}
