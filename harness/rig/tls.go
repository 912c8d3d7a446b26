package rig

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// proxyTLS is what the target's proxy does so that faults mean the plaintext: it speaks
// TLS with each program, and the harness's own end behind it does not. Own says that a
// listener of the harness is behind it, acts that an act connects to it, whatever the
// target has.
func (b *Testbed) proxyTLS(own, acts bool) tlsconn.Config {
	c := b.tls
	if c == nil {
		return tlsconn.Config{}
	}
	said := b.target.FilesOfTLS()
	config := tlsconn.Config{}
	if b.target.Client.Dialogue == nil && !b.target.Client.Absent() && !acts {
		config.Terminate = &tlsconn.Terminate{Certificate: c.Files.Certificate, Key: c.Files.Key}
	}
	if b.target.Server.Dialogue == nil && !own {
		config.Originate = &tlsconn.Originate{CA: c.Files.CA, ServerName: b.target.ServerName(), Insecure: said.Insecure}
		if said.Insecure || c.TrustsSystem(b.target) {
			config.Originate.CA = ""
		}
	}
	if config.Originate != nil && b.target.SecuresData() {
		config.Originate.Sessions = tlsconn.NewSessions()
	}
	if config.Terminate != nil || config.Originate != nil {
		config.Protocols = said.Protocols
		config.BeforeClient, config.BeforeServer = b.sayBefore(event.Server), b.sayBefore(event.Client)
	}
	return config
}

// dataTLS is that of a proxy of a data connection beside the one with the given TLS, whose
// sessions it shares.
func dataTLS(first tlsconn.Config) tlsconn.Config {
	return tlsconn.Config{Terminate: first.Terminate, Originate: first.Originate}
}

// sayBefore is what the harness says as the given side before TLS; nil: nothing.
func (b *Testbed) sayBefore(side event.Side) tlsconn.OpeningConversation {
	return scenario.OpeningOf(b.before, side)
}

// tlsFailure is why a control failed: the handshake of the proxy with the server, where
// that did. The proxy resets its client then, at times before connect returns.
func (b *Testbed) tlsFailure(err error, log *event.Log) error {
	if err == nil || b.tls == nil {
		return err
	}
	for _, e := range log.AllEvents() {
		if e.Kind == event.DialFailed {
			return fmt.Errorf("%w: TLS with the server: %s", ErrControl, e.Detail)
		}
	}
	return err
}

// secure returns a connection to the server under test as the stream of what is said on
// it. On TLS the first read or write does the handshake.
func (b *Testbed) secure(conn sock.Conn, err error) (sock.Conn, error) {
	if err != nil || b.tls == nil {
		return conn, err
	}
	return tlsconn.WrapClient(tlsconn.WithOpening(conn, b.sayBefore(event.Client)), b.tls.ClientConfig(conn)), nil
}

// secure is that of the testbed for an act. When the act's time is over, what it reads and
// writes there is too: the handshake that a write does waits for a server that may be
// paused, or busy with another client.
func (a *rig) secure(conn sock.Conn, err error) (sock.Conn, error) {
	conn, err = a.setup.testbed.secure(conn, err)
	if err == nil && a.limit != nil && a.setup.testbed.tls != nil {
		context.AfterFunc(a.limit, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	}
	return conn, err
}

// wireBytes returns how many bytes of the socket carry the first n that were written to
// the connection, of which nothing else is under way.
func wireBytes(conn sock.Conn, n int) int {
	if s, ok := conn.(*tlsconn.Conn); ok {
		sent, _ := s.WireCounts()
		return int(sent)
	}
	return n
}

var errNoTLS = errors.New("the target's transport is not tls")

// ServerTLS implements [scenario.WireRig].
func (a *rig) ServerTLS() (*tls.Config, *tlsconn.Authority, error) {
	c := a.setup.testbed.tls
	if c == nil {
		return nil, nil, errNoTLS
	}
	return c.Server.Clone(), c.Authority, nil
}

// ClientTLS implements [scenario.WireRig].
func (a *rig) ClientTLS() (*tls.Config, error) {
	c := a.setup.testbed.tls
	if c == nil {
		return nil, errNoTLS
	}
	return c.Client.Clone(), nil
}
