package rig

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// controlDatagrams is HoldControl over UDP.
func (b *Testbed) controlDatagrams(ctx context.Context, log *event.Log, c *Control) (err error) {
	_, upstream := b.ServerProcess()
	upstream = strings.TrimPrefix(upstream, udpPrefix)
	var server *datagramServer
	if b.target.Server.Dialogue != nil {
		if server, err = serveDatagrams(b.script); err != nil {
			return err
		}
		defer server.closeAll()
		server.start()
		upstream = server.address()
	}
	wire, err := datagram.New(datagram.Config{Name: b.target.Name, Listen: b.programs.listenHost(), Upstream: upstream, Follow: b.target.Policies.TransferPort, Events: log.AddEvent, Record: c.record(b.config.Record)})
	if err == nil {
		err = wire.Start(ctx)
	}
	if err != nil {
		return err
	}
	defer wire.Close()
	if b.target.Client.Dialogue != nil {
		limited, stop := b.controlWait(log, nil).Start(ctx)
		defer stop()
		c.Conversation, err = b.playDatagramControl(limited, wire.Addr())
		return err
	}
	c.Conversation, err = b.runDatagramClient(ctx, wire.Addr(), server, log)
	return err
}

func (b *Testbed) playDatagramControl(ctx context.Context, addr net.Addr) (scenario.Conversation, error) {
	conn, err := dial(ctx, sock.FormatAddress(addr))
	if err != nil {
		return scenario.Conversation{}, err
	}
	defer conn.Close()
	c, _, err := b.playControl(ctx, conn, dialogue.Options{})
	return c, err
}

func (b *Testbed) runDatagramClient(ctx context.Context, addr net.Addr, server *datagramServer, log *event.Log) (scenario.Conversation, error) {
	process, err := b.startClient(ctx, ClientOptions{Address: sock.FormatAddress(addr), Scenario: "control"})
	if err != nil {
		return scenario.Conversation{}, err
	}
	defer process.Close()
	run, err := awaitClient(ctx, process, b.controlWait(log, process))
	switch {
	case err != nil:
		return scenario.Conversation{}, err
	case run.TimedOut || !run.Exit.Success():
		err := clientFailure(run, nil)
		if server != nil {
			err = fmt.Errorf("%w\n%s", err, server.complaint())
		}
		return scenario.Conversation{}, err
	case len(acceptTimes(log.AllEvents())) == 0:
		return scenario.Conversation{}, fmt.Errorf("%w: the client exited with status 0 without sending a datagram to %s; its command must contain %s", ErrControl, addr, addressWords(scenario.UDP))
	}
	c := scenario.Conversation{}
	if b.script != nil {
		c = scenario.ScriptedConversation(b.script)
		c.Script = b.script
	}
	c.ControlRun = controlRun(run)
	return c, nil
}
