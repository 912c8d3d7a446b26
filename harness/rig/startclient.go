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
	tmp, err := b.tempFolder(b.target.Client)
	if err != nil {
		return nil, err
	}
	vars := peer.VarsAt(proxy)
	vars.Tmp, vars.Scenario = tmp, scenario
	command := b.expandCommand(b.target.Client)
	if command.OnConnect = onConnect; onConnect == nil {
		if command.OnConnect, err = b.target.Client.RedirectConnects(ctx, proxy); err != nil {
			return nil, err
		}
	}
	command.Hosts = b.target.Client.HostsFile(ctx)
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
