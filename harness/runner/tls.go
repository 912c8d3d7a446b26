package runner

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A certification is who a target's server is on TLS, and whom its clients trust.
type certification struct {
	files     tlsconn.Identity
	authority *tlsconn.Authority // of what the harness has made; nil: the target has its own certificate
	server    *tls.Config        // of the harness as server
	client    *tls.Config        // of the harness as client
}

// newCertification reads the certificates of a target on TLS, or makes them in a folder of
// their own below tmp.
func newCertification(t scenario.Target, tmp string) (*certification, error) {
	said := t.FilesOfTLS()
	c := &certification{files: tlsconn.Identity{CA: said.CA, Certificate: said.Certificate, Key: said.Key}}
	if said.Certificate == "" {
		if err := c.make(t, tmp); err != nil {
			return nil, err
		}
	} else if said.CA == "" {
		c.files.CA = said.Certificate
	}
	return c, c.load(t)
}

// make makes what the target does not name.
func (c *certification) make(t scenario.Target, tmp string) error {
	folder, err := os.MkdirTemp(tmp, "tls-")
	if err != nil {
		return err
	}
	if c.authority, err = tlsconn.NewAuthority(); err != nil {
		return err
	}
	made, err := c.authority.WriteIdentity(folder, t.ServerName())
	if err != nil {
		return err
	}
	ca := c.files.CA
	c.files = made
	if ca != "" { // of a server that has its own certificate
		c.files.CA = ca
	}
	return nil
}

func (c *certification) load(t scenario.Target) error {
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	said := t.FilesOfTLS()
	c.server = &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: said.Protocols}
	c.client = &tls.Config{ServerName: t.ServerName(), NextProtos: said.Protocols, InsecureSkipVerify: said.Insecure}
	if c.trustsSystem(t) {
		return nil
	}
	text, err := os.ReadFile(c.files.CA)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	c.client.RootCAs = x509.NewCertPool()
	if !c.client.RootCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("certificate: %s: no certificate in it", c.files.CA)
	}
	return nil
}

// trustsSystem reports whether the server runs already, with a certificate of which the
// target says nothing.
func (c *certification) trustsSystem(t scenario.Target) bool {
	return t.Server.Address != "" && t.FilesOfTLS().CA == "" && t.FilesOfTLS().Certificate == ""
}

// words replaces {ca}, {cert} and {key}.
func (c *certification) words(list []string) []string {
	if c == nil {
		return list
	}
	return replaceWords(list, "{ca}", c.files.CA, "{cert}", c.files.Certificate, "{key}", c.files.Key)
}

// proxyTLS is what the target's proxy does so that faults mean the plaintext: it speaks
// TLS with each program, and the harness's own end behind it does not. Own says that a
// listener of the harness is behind it, acts that an act connects to it, whatever the
// target has.
func (b *testbed) proxyTLS(own, acts bool) tlsconn.Config {
	c := b.tls
	if c == nil {
		return tlsconn.Config{}
	}
	said := b.target.FilesOfTLS()
	config := tlsconn.Config{}
	if b.target.Client.Dialogue == nil && !b.target.Client.Absent() && !acts {
		config.Terminate = &tlsconn.Terminate{Certificate: c.files.Certificate, Key: c.files.Key}
	}
	if b.target.Server.Dialogue == nil && !own {
		config.Originate = &tlsconn.Originate{CA: c.files.CA, ServerName: b.target.ServerName(), Insecure: said.Insecure}
		if said.Insecure || c.trustsSystem(b.target) {
			config.Originate.CA = ""
		}
	}
	if config.Terminate != nil || config.Originate != nil {
		config.Protocols = said.Protocols
	}
	return config
}

// tlsFailure is why a control failed: the handshake of the proxy with the server, where
// that did. The proxy resets its client then, at times before connect returns.
func (b *testbed) tlsFailure(err error, log *event.Log) error {
	if err == nil || b.tls == nil {
		return err
	}
	for _, e := range log.AllEvents() {
		if e.Kind == event.DialFailed {
			return fmt.Errorf("%w: TLS with the server: %s", errControl, e.Detail)
		}
	}
	return err
}

// secure returns a connection to the server under test as the stream of what is said on
// it. On TLS the first read or write does the handshake.
func (b *testbed) secure(conn sock.Conn, err error) (sock.Conn, error) {
	if err != nil || b.tls == nil {
		return conn, err
	}
	return tlsconn.WrapClient(conn, b.tls.client), nil
}

// secure is that of the testbed for an act. When the act's time is over, what it reads and
// writes there is too: the handshake that a write does waits for a server that may be
// paused, or busy with another client.
func (a *rig) secure(conn sock.Conn, err error) (sock.Conn, error) {
	conn, err = a.targetBed().secure(conn, err)
	if err == nil && a.limit != nil && a.targetBed().tls != nil {
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
	c := a.targetBed().tls
	if c == nil {
		return nil, nil, errNoTLS
	}
	return c.server.Clone(), c.authority, nil
}

// ClientTLS implements [scenario.WireRig].
func (a *rig) ClientTLS() (*tls.Config, error) {
	c := a.targetBed().tls
	if c == nil {
		return nil, errNoTLS
	}
	return c.client.Clone(), nil
}
