package scenario

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/strictyaml"
	"github.com/sockharness/harness/harness/tlsconn"
)

// TLSFiles are the certificates of a conversation over TLS. The zero TLSFiles has the
// harness make them, for localhost and the loopback addresses: a server's command gets
// them as {cert} and {key}, a client's what to trust as {ca}.
type TLSFiles struct {
	CA          string   `json:"ca,omitempty" jsonschema:"description=File of what clients trust. Default: the certificate\\, or what the harness made\\, or for an address what the system trusts."`
	Certificate string   `json:"certificate,omitempty" jsonschema:"description=File of the server's certificate\\, for {cert} and for the harness as server."`
	Key         string   `json:"key,omitempty" jsonschema:"description=File of its key\\, for {key}."`
	Name        string   `json:"name,omitempty" jsonschema:"description=Host name that the certificate is for. Default: the host of the address\\, or localhost."`
	Protocols   []string `json:"protocols,omitempty" jsonschema:"description=ALPN\\, such as http/1.1."`
	Insecure    bool     `json:"insecure,omitempty" jsonschema:"description=The harness does not check the server's certificate."`
}

func (d *configDecoder) decodeTLS(n *strictyaml.Node) *TLSFiles {
	var f TLSFiles
	file := func(to *string) func(*strictyaml.Node) {
		return func(n *strictyaml.Node) {
			if *to = d.NonEmptyString(n); *to != "" && !filepath.IsAbs(*to) {
				*to = filepath.Join(filepath.Dir(d.file), *to)
			}
		}
	}
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"ca":          file(&f.CA),
		"certificate": file(&f.Certificate),
		"key":         file(&f.Key),
		"name":        func(n *strictyaml.Node) { f.Name = d.NonEmptyString(n) },
		"protocols":   func(n *strictyaml.Node) { f.Protocols = d.StringList(n) },
		"insecure":    func(n *strictyaml.Node) { f.Insecure = d.Bool(n) },
	})
	return &f
}

// tlsWords are those of a command that ask for the files.
var tlsWords = [...]string{"{ca}", "{cert}", "{key}"}

func (p Peer) takesTLSFile() bool {
	return slices.ContainsFunc(tlsWords[:], p.hasWord)
}

// TakesCA reports whether the command is told whom to trust.
func (p Peer) TakesCA() bool { return p.hasWord("{ca}") }

func (p Peer) hasWord(word string) bool {
	has := func(s string) bool { return strings.Contains(s, word) }
	return slices.ContainsFunc(p.Command, has) || slices.ContainsFunc(p.Env, has)
}

// FilesOfTLS returns what the target says of its certificates; nothing where it does not.
func (t Target) FilesOfTLS() TLSFiles {
	if t.TLS == nil {
		return TLSFiles{}
	}
	return *t.TLS
}

// ServerName is the host name that the server's certificate must be for.
func (t Target) ServerName() string {
	if name := t.FilesOfTLS().Name; name != "" {
		return name
	}
	if network, at, err := sock.ParseAddress(t.Server.Address); err == nil && network == "tcp" {
		if host, _, err := net.SplitHostPort(at); err == nil && host != "" {
			return host
		}
	}
	return "localhost"
}

// checkTLS tells what is wrong with the certificates that a target names: said before
// anything starts.
func (t Target) checkTLS() error {
	f := t.FilesOfTLS()
	if (f.Certificate == "") != (f.Key == "") {
		return errors.New("tls: give certificate and key together")
	}
	if f.Insecure && f.CA != "" {
		return errors.New("tls: insecure: true checks nothing, so ca has no use; delete one of them")
	}
	config := tlsconn.Config{Protocols: f.Protocols, Originate: &tlsconn.Originate{CA: f.CA, ServerName: f.Name}}
	if f.Certificate != "" {
		config.Terminate = &tlsconn.Terminate{Certificate: f.Certificate, Key: f.Key}
	}
	if err := config.CheckFiles(); err != nil {
		return nameTLSKeys(err)
	}
	if f.Certificate == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	names := []string{t.ServerName()}
	if f.Name == "" && t.Server.Address == "" {
		names = append(names, "127.0.0.1", "::1")
	}
	if err := tlsconn.CheckLeaf(pair, time.Now(), names...); err != nil {
		return fmt.Errorf("tls: certificate: %s: %w", f.Certificate, err)
	}
	return nil
}

// nameTLSKeys puts the keys of a target for those of a proxy.
func nameTLSKeys(err error) error {
	var field *tlsconn.FieldError
	if !errors.As(err, &field) {
		return err
	}
	key := field.Field[strings.LastIndex(field.Field, ".")+1:]
	if key == "server_name" {
		key = "name"
	}
	return fmt.Errorf("tls: %s: %w", key, field.Err)
}

// A WireRig is what acts below TLS may do.
type WireRig interface {
	// DialWire connects to the server under test without TLS and without a proxy. The
	// caller closes.
	DialWire(ctx context.Context) (sock.Conn, error)
	// ClientTLS is the harness's own as a client of the server under test. It is the
	// caller's to change. The error says that the target's transport is another one.
	ClientTLS() (*tls.Config, error)
	// ServerTLS is the harness's own as the server of the client under test, and the
	// authority that the client trusts; nil where the target has its own certificate.
	ServerTLS() (*tls.Config, *tlsconn.Authority, error)
}

// HandshakeFirst does the handshake of a connection to a server under test on TLS, where
// it must be done before what follows: before the server is paused. On other transports it
// does nothing.
func HandshakeFirst(ctx context.Context, conn sock.Conn) error {
	if c, ok := conn.(*tlsconn.Conn); ok {
		return c.RunHandshake(ctx)
	}
	return nil
}

// BelowTLS returns the socket of a connection, and whether TLS is on it.
func BelowTLS(conn sock.Conn) (sock.Conn, bool) {
	if c, ok := conn.(*tlsconn.Conn); ok {
		return c.Socket(), true
	}
	return conn, false
}
