package rig

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// startClient starts the client program against the address of a proxy. Its connects are
// answered by onConnect; nil: they lead to the proxy, where it is not told that.
func (b *Testbed) startClient(ctx context.Context, proxy string, scenario string, onConnect func(netip.AddrPort) peer.ConnectReply) (*peer.Process, error) {
	return b.startClientAs(ctx, clientStart{proxy: proxy, id: scenario, onConnect: onConnect})
}

// A clientStart says how a client program is started.
type clientStart struct {
	proxy     string                                 // its address
	id        string                                 // of the scenario
	onConnect func(netip.AddrPort) peer.ConnectReply // nil: its connects lead to the proxy
	onSend    func(peer.Send) int                    // nil: the kernel takes what it sends
	names     *scenario.NameService                  // that it knows; nil: those of the testbed
}

// startClientAs is startClient with more of its connects, sends and names.
func (b *Testbed) startClientAs(ctx context.Context, how clientStart) (*peer.Process, error) {
	names, err := how.names, error(nil)
	if names == nil {
		names, err = b.names.Open(ctx, b.target.Client)
	}
	if err != nil {
		return nil, err
	}
	tmp, err := b.tempFolder(b.target.Client)
	if err != nil {
		return nil, err
	}
	vars := peer.VarsAt(how.proxy)
	vars.Tmp, vars.Scenario = tmp, how.id
	command := b.expandCommand(b.target.Client)
	if command.OnConnect = how.onConnect; how.onConnect == nil {
		if command.OnConnect, err = b.target.Client.RedirectConnects(ctx, how.proxy); err != nil {
			return nil, err
		}
	}
	if command.OnSend = how.onSend; how.onSend != nil && command.OnConnect == nil {
		command.OnConnect = func(netip.AddrPort) peer.ConnectReply { return peer.ConnectReply{} }
	}
	names.GiveTo(ctx, &command)
	process, err := command.StartClient(ctx, vars)
	return process, unsupportedIfUnable(err)
}

// tempFolder returns the folder for {tmp} in the peer's command: one of its own for each
// process that asks for it, for others run at the same time.
func (b *Testbed) tempFolder(p scenario.Peer) (string, error) {
	asks := func(word string) bool { return strings.Contains(word, "{tmp}") }
	if !slices.ContainsFunc(p.Command, asks) && !slices.ContainsFunc(p.Env, asks) {
		return b.config.Tmp, nil
	}
	return os.MkdirTemp(b.config.Tmp, "peer-")
}

func (b *Testbed) expandCommand(p scenario.Peer) peer.Command {
	words := p.Command
	if b.target.Transport().IsStdio() && p.Dialogue == nil {
		words = b.target.ServerCommand().Args
	}
	args := replaceWords(b.services.Expand(words), "{self}", b.config.Self)
	c := peer.Command{Args: b.tls.ExpandWords(args), Dir: b.target.Dir, Env: b.tls.ExpandWords(b.services.Expand(p.Env)), Ready: p.Ready, StartTimeout: b.config.StartTimeout}
	if b.transport() == scenario.Unix {
		c.Network = "unix"
	}
	return c
}
