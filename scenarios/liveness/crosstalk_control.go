package liveness

import (
	"context"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
)

// crossTalkControl sends the same requests byte by byte, and no other client beside:
// a server that fails then takes what one read returns for a message, and has no
// buffer in common.
func crossTalkControl(c scenario.Case) *scenario.Control {
	v := scenario.ActVariant("", 4*c.Budget, func(ctx context.Context, rig scenario.Rig) error { return dripAlone(ctx, rig, c.Conversation.Script) })
	return &scenario.Control{Without: "the second client", See: "partialsend/drip", Variant: v}
}

func dripAlone(ctx context.Context, rig scenario.ConversationRig, script *dialogue.Script) error {
	kernel, err := openView()
	if err != nil {
		return err
	}
	defer kernel.closeView()
	p := newPair(kernel, false)
	p.noteActivity()
	watched, stop := rig.WatchProgress(ctx, p.isIdle, p.moved.Load)
	defer stop()
	p.ctx, p.cancel = context.WithCancel(watched)
	defer p.closeBoth()
	only := p.parties[0]
	if only.Conn, err = rig.DialServer(ctx); err != nil {
		return err
	}
	rig.ReportStruck("one client alone sends byte by byte")
	played := script.PlayClient(p.ctx, dripClient{only}, dialogue.Options{NoEnd: true})
	return checkComplete(p.ctx, played, script)
}

// A dripClient sends the beginning of each request byte by byte, each when the one
// before was read.
type dripClient struct{ *alternatingConn }

// Write implements [net.Conn].
func (d dripClient) Write(b []byte) (int, error) {
	d.pair.writing.Add(1)
	defer d.pair.writing.Add(-1)
	defer d.pair.noteActivity()
	turns := max(0, min(oneByOne, len(b)-1))
	for i := range turns {
		if _, err := d.sendPart(b[i : i+1]); err != nil {
			return i, err
		}
		d.awaitRead()
	}
	n, err := d.sendPart(b[turns:])
	return turns + n, err
}
