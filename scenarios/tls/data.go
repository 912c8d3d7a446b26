package tls

import (
	"context"
	std "crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A dataCut ends a data connection, at an offset of what the harness sends there, by a FIN
// without close_notify. To the harness it looks as if all had been sent, so the conversation
// goes on as a third party would have it go on.
type dataCut struct {
	n      int          // which data connection, from 0
	at     int64        // offset
	struck *atomic.Bool // of one run
}

// fileCut says what has struck.
const fileCut = "a file ended by a FIN without close_notify"

// dataCuts returns the cuts of the data connections that begin with TLS, with names for variants.
func dataCuts(c scenario.Case, sent event.Direction) (cuts []dataCut, names []string) {
	for n, data := range c.Conversation.Data {
		if !c.Conversation.Script.SecuresData(n) {
			continue
		}
		name := "data"
		if len(c.Conversation.Data) > 1 {
			name = fmt.Sprintf("data %d", n+1)
		}
		for _, at := range places(data.StreamOf(sent)) {
			cuts = append(cuts, dataCut{n: n, at: at})
			names = append(names, fmt.Sprintf("%s byte=%d", name, at))
		}
	}
	return cuts, names
}

// security is what puts TLS on the data connections, and the cut.
func (d dataCut) security(config *std.Config) func(int, event.Side, net.Conn, dialogue.Conn) dialogue.Conn {
	return func(n int, side event.Side, _ net.Conn, data dialogue.Conn) dialogue.Conn {
		raw := data.(sock.Conn)
		e := &end{socket: raw, records: recordsOf(raw, nil)}
		if side == event.Client {
			e.Conn = tlsconn.WrapClient(e.records, config)
		} else {
			e.Conn = tlsconn.WrapServer(e.records, config)
		}
		if n != d.n {
			return e
		}
		return &cutData{end: e, cut: d}
	}
}

// cutData is a data connection with a cut in it.
type cutData struct {
	*end
	cut  dataCut
	sent int64
}

// Write implements [net.Conn]. What lies behind the cut is not sent.
func (c *cutData) Write(p []byte) (int, error) {
	if ahead := p[:min(int64(len(p)), c.cut.at-c.sent)]; len(ahead) > 0 {
		if n, err := c.end.Write(ahead); err != nil {
			return n, err
		}
		c.sent += int64(len(ahead))
	}
	if c.sent < c.cut.at {
		return len(p), nil
	}
	return len(p), c.strike()
}

// CloseWrite implements [sock.Conn].
func (c *cutData) CloseWrite() error { return c.strike() }

func (c *cutData) strike() error {
	if !c.cut.struck.CompareAndSwap(false, true) {
		return nil
	}
	return c.end.socket.CloseWrite()
}

// cutDownloads are the variants for a client that is sent files.
func cutDownloads(c scenario.Case) (all []scenario.Variant) {
	cuts, names := dataCuts(c, event.Downstream)
	for i, d := range cuts {
		v := d.download(c, names[i]).variant()
		v.Run = func(ctx context.Context, rig scenario.Rig) error { return d.download(c, names[i]).run(ctx, rig) } // it may be run again
		all = append(all, v)
	}
	return all
}

// download has a client get a file with the cut.
func (d dataCut) download(c scenario.Case, name string) clientPlay {
	file := c
	file.Conversation = c.Conversation.Data[d.n]
	d.struck = &atomic.Bool{}
	p := clientPlay{c: c, name: name, struck: fileCut, verdict: truncationVerdict(file)}
	p.serve = func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
		config, _, err := rig.ServerTLS()
		if err != nil {
			return err
		}
		c.Conversation.Script.WithDataSecurity(d.security(config)).PlayServer(ctx, acceptedTLS(raw, config, nil), dialogue.Options{})
		return nil
	}
	return p
}

// cutUploads are the variants for a server that is sent files.
func cutUploads(c scenario.Case) (all []scenario.Variant) {
	cuts, names := dataCuts(c, event.Upstream)
	for i, d := range cuts {
		all = append(all, serverAct(c, names[i], func(ctx context.Context, rig scenario.Rig) error { return cutUpload(ctx, rig, c, d) }))
	}
	return all
}

// cutUpload holds the conversation with a cut in a file that the server is sent.
func cutUpload(ctx context.Context, rig scenario.Rig, c scenario.Case, d dataCut) error {
	d.struck = &atomic.Bool{} // an act may be run again
	var config *std.Config
	e, err := dialTLS(ctx, rig, func(made *std.Config) { made.ClientSessionCache, config = tlsconn.NewSessions(), made }, nil)
	if err != nil {
		return err
	}
	defer e.socket.Close()
	watched, stop := rig.WatchProgress(ctx, func() bool { return true }, nil)
	defer stop()
	played := c.Conversation.Script.WithDataSecurity(d.security(config)).PlayClient(watched, e, dialogue.Options{NoEnd: true})
	if !d.struck.Load() {
		return fmt.Errorf("the conversation did not come to its file: %w", played.Err())
	}
	rig.ReportStruck(fileCut)
	if played.Ending == event.Timeout {
		return fmt.Errorf("after a file that ended by a FIN without close_notify: %w: %w", played.Err(), context.Cause(watched))
	}
	if !tookFile(c.Conversation.Script, d.n, played) {
		return nil
	}
	switch c.Target.Policies.TLSFin {
	case scenario.TLSFinEnds:
		return nil
	case scenario.TLSFinFails:
		return fmt.Errorf("the server took a file that was cut off without close_notify for a whole one")
	}
	return scenario.NewUndeclared("policies: {tls_fin: error}, or end if a FIN without close_notify ends a file",
		"the server took a file that was cut off without close_notify for a whole one")
}

// tookFile reports whether the server has answered, after a file, as it does when that is whole.
func tookFile(s *dialogue.Script, n int, played dialogue.Played) bool {
	for i, step := range s.Steps {
		if step.Connect == nil {
			continue
		}
		if n == 0 {
			return played.Steps > i+1
		}
		n--
	}
	return false
}
