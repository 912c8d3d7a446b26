package runner

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

// runDatagramControl is runControl for a conversation over UDP.
func (b *testbed) runDatagramControl(ctx context.Context) (scenario.Conversation, error) {
	log := event.NewLog(0)
	defer func() { b.keepControl(log.AllEvents()) }()
	upstream := strings.TrimPrefix(b.address, udpPrefix)
	var server *datagramServer
	if b.target.Server.Dialogue != nil {
		var err error
		if server, err = serveDatagrams(b.script); err != nil {
			return scenario.Conversation{}, err
		}
		defer server.closeAll()
		server.start()
		upstream = server.address()
	}
	wire, err := datagram.New(datagram.Config{Name: b.target.Name, Listen: b.listenHost(), Upstream: upstream, Follow: b.target.Policies.TransferPort, Events: log.AddEvent, Record: b.newControlRecording()})
	if err == nil {
		err = wire.Start(ctx)
	}
	if err != nil {
		return scenario.Conversation{}, err
	}
	defer wire.Close()
	if b.target.Client.Dialogue != nil {
		limited, stop := b.controlWait(log, nil).Start(ctx)
		defer stop()
		return b.playDatagramControl(limited, wire.Addr())
	}
	return b.runDatagramClient(ctx, wire.Addr(), server, log)
}

func (b *testbed) playDatagramControl(ctx context.Context, addr net.Addr) (scenario.Conversation, error) {
	conn, err := dial(ctx, sock.FormatAddress(addr))
	if err != nil {
		return scenario.Conversation{}, err
	}
	defer conn.Close()
	c, _, err := b.playControl(ctx, conn, dialogue.Options{})
	return c, err
}

func (b *testbed) runDatagramClient(ctx context.Context, addr net.Addr, server *datagramServer, log *event.Log) (scenario.Conversation, error) {
	process, err := b.startClient(ctx, sock.FormatAddress(addr), "control", nil)
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
		return scenario.Conversation{}, fmt.Errorf("%w: the client exited with status 0 without sending a datagram to %s; its command must contain %s", errControl, addr, addressWords(scenario.UDP))
	}
	c := scenario.Conversation{}
	if b.script != nil {
		c = scenario.ScriptedConversation(b.script)
		c.Script = b.script
	}
	c.Exit, c.Stdout, c.Took, c.CPU = run.Exit.Code, run.Stdout, run.Elapsed, run.Exit.CPU
	return c, nil
}
