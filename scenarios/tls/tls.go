// Package tls checks what is special about TLS: a handshake that is cut, split or never
// ends, records of any size, ends without a word, alerts, plaintext, certificates. The
// other topics are played to targets on TLS too; their faults mean the plaintext.
package tls

import (
	"context"
	std "crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	all := []scenario.Scenario{smallRecords(), splitHandshake(), cutInHandshake(), silentHandshake(), plaintext(), alert(),
		cutInRecord(), noCloseNotify(), badRecord(), renegotiation(), untrustedServer(), injectedPlaintext()}
	for i := range all {
		all[i].Transports = []scenario.Transport{scenario.TLS}
	}
	return all
}

// errCut is the error of a write behind which the act ends the stream.
var errCut = errors.New("cut by the scenario")

// A sender sends what takes the place of record number n.
type sender func(c link.Conn, n int, r tlsconn.Record) error

// An end is the harness's side of a connection of TLS.
type end struct {
	*tlsconn.Conn
	socket  sock.Conn
	records *tlsconn.RecordConn
}

// dialTLS connects to the server under test. The sender may be nil. The handshake is not
// done yet. The caller closes.
func dialTLS(ctx context.Context, rig scenario.Rig, change func(*std.Config), send sender) (*end, error) {
	config, err := rig.ClientTLS()
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(config)
	}
	raw, err := rig.DialWire(ctx)
	if err != nil {
		return nil, err
	}
	e := &end{socket: raw, records: recordsOf(raw, send)}
	e.Conn = tlsconn.WrapClient(e.records, config)
	return e, nil
}

// acceptTLS is dialTLS for the server's side of a connection that was accepted.
func acceptTLS(rig scenario.Rig, raw sock.Conn, change func(*std.Config), send sender) (*end, error) {
	config, _, err := rig.ServerTLS()
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(config)
	}
	return acceptedTLS(raw, config, send), nil
}

// acceptedTLS is the server's side of a connection that was accepted.
func acceptedTLS(raw sock.Conn, config *std.Config, send sender) *end {
	e := &end{socket: raw, records: recordsOf(raw, send)}
	e.Conn = tlsconn.WrapServer(e.records, config)
	return e
}

func recordsOf(raw sock.Conn, send sender) *tlsconn.RecordConn {
	r := &tlsconn.RecordConn{Conn: raw, Send: send}
	if send == nil {
		r.Send = sendWhole
	}
	return r
}

func sendWhole(c link.Conn, _ int, r tlsconn.Record) error {
	_, err := c.Write(r)
	return err
}

// changeRecords sends records as they are, and once on is set what change makes of them.
func changeRecords(on *bool, change func(tlsconn.Record) tlsconn.Record) sender {
	return func(c link.Conn, n int, r tlsconn.Record) error {
		if *on {
			r = change(r)
		}
		return sendWhole(c, n, r)
	}
}

// halve is a record that is cut in its middle.
func halve(r tlsconn.Record) tlsconn.Record { return r[:len(r)/2] }

// An ending is how an act ends a stream without a word.
type ending string

// The endings.
const (
	byFIN ending = "fin"
	byRST ending = "rst"
)

var endings = [...]ending{byFIN, byRST}

// finish ends the socket below TLS. After a FIN the caller reads on.
func (e ending) finish(raw sock.Conn) error {
	if e == byRST {
		return sock.ResetConn(raw)
	}
	return raw.CloseWrite()
}

// serverAct returns the variant of an act that must succeed with a server under test.
func serverAct(c scenario.Case, name string, run func(context.Context, scenario.Rig) error) scenario.Variant {
	return scenario.ActVariant(name, 3*c.Budget, run)
}

// requireScript returns an error where nothing says what a client says.
func requireScript(c scenario.Case) error {
	if c.Conversation.Script == nil {
		return c.UnsupportedErrorf("the target has no dialogue; add one")
	}
	return nil
}

// halvesOfRequest returns the first request in two halves, neither of which is empty.
func halvesOfRequest(c scenario.Case) (first, second []byte, err error) {
	request := c.Conversation.Upstream.FirstSpoken()
	if len(request) < 2 {
		return nil, nil, fmt.Errorf("%w: the first request has less than 2 bytes", scenario.ErrUnsupported)
	}
	return request[:len(request)/2], request[len(request)/2:], nil
}

// readWait bounds how long an act waits for the peer to read a piece before the next one.
const readWait = 300 * time.Millisecond

// awaitRead waits, for a time, until the server has read the first n bytes of the socket.
func awaitRead(ctx context.Context, rig scenario.KernelRig, raw sock.Conn, n int) {
	limited, cancel := context.WithTimeout(ctx, readWait)
	defer cancel()
	_ = rig.AwaitRead(limited, raw, n)
}

// awaitEnd reads until the server ends the stream, and returns what came: bytes of the
// socket, or of the plaintext.
func awaitEnd(ctx context.Context, rig scenario.ConversationRig, conn sock.Conn, after string) ([]byte, error) {
	limited, stop := rig.WatchProgress(ctx, func() bool { return true }, func() int64 { return 0 })
	defer stop()
	release := context.AfterFunc(limited, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer release()
	var got []byte
	buf := make([]byte, 16<<10)
	for len(got) < 1<<20 {
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		switch {
		case err != nil && limited.Err() != nil:
			return got, fmt.Errorf("the server has not ended the connection after %s: %w", after, context.Cause(limited))
		case err != nil:
			return got, nil
		}
	}
	return got, nil
}
