// Package tlsconn lets a proxy speak TLS on either side, so that offsets and
// toxics mean the plaintext: a socket whose stream is the plaintext, with the ends
// of the socket below it (FIN behind a close_notify, reset), and certificates that
// are made up for whatever name a client asks for.
//
//	h, err := tlsconn.Config{Terminate: &tlsconn.Terminate{Generated: true}}.LoadHandshaker(nil)
//	c := h.ServerConn(accepted)   // a [link.Conn]
//	if t, ok := c.(*tlsconn.Conn); ok {
//		err = t.RunHandshake(ctx)
//	}
package tlsconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// A Config says which sides of a proxy speak TLS with it, so that offsets and
// toxics mean the plaintext. The zero Config carries TLS as any other bytes.
type Config struct {
	// Terminate has the proxy be the server of its clients' TLS.
	Terminate *Terminate `json:"terminate,omitempty"`
	// Originate has the proxy be a client of the upstream's TLS.
	Originate *Originate `json:"originate,omitempty"`
	// Protocols are those that the proxy agrees to on both sides, such as "h2",
	// best first: ALPN, RFC 7301. A client's choice is the one offered upstream.
	Protocols []string `json:"protocols,omitempty"`
	// Truncate ends streams by FIN alone, without the close_notify before it that
	// RFC 8446 section 6.1 asks for.
	Truncate bool `json:"truncate,omitempty"`
	// BeforeClient and BeforeServer are what is said in plaintext, before TLS, with the client
	// and with the upstream; nil: nothing is.
	BeforeClient, BeforeServer OpeningConversation `json:"-"`
}

// A Terminate names the certificate that clients get: a pair of files, or one
// that an [Authority] makes up for each name.
type Terminate struct {
	Certificate string   `json:"certificate,omitempty"` // file, PEM, with the chain behind it
	Key         string   `json:"key,omitempty"`         // file, PEM
	Generated   bool     `json:"generated,omitempty"`   // show a certificate that is generated for the name asked for
	Names       []string `json:"names,omitempty"`       // in generated ones, beside the name asked for
}

// An Originate says whom the proxy trusts to be the upstream.
type Originate struct {
	CA         string `json:"ca,omitempty"`          // file, PEM; "": what the system trusts
	ServerName string `json:"server_name,omitempty"` // "": the host of the upstream's address
	Insecure   bool   `json:"insecure,omitempty"`    // trust anybody
	// Sessions is shared by proxies of which one goes on with the other's session; nil: none
	// is remembered.
	Sessions tls.ClientSessionCache `json:"-"`
}

// A FieldError is a mistake in one attribute of a [Config].
type FieldError struct {
	Field string // such as "terminate.key"
	Err   error  // what is wrong
}

// Error implements error.
func (e *FieldError) Error() string { return "tls." + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// CheckFiles reads the files that are named and returns the first mistake, a
// [*FieldError].
func (t Config) CheckFiles() error {
	_, err := t.LoadHandshaker(&Authority{})
	return err
}

// A Handshaker holds what a proxy needs for its handshakes.
type Handshaker struct {
	terminate *tls.Config // nil: the client's bytes are carried as they are
	originate *tls.Config // nil: and so are those to the upstream
	truncate  bool

	beforeClient, beforeServer OpeningConversation
}

// SpeaksTLS reports whether either side of the proxy speaks TLS with it.
func (h *Handshaker) SpeaksTLS() bool { return h.terminate != nil || h.originate != nil }

// LoadHandshaker reads the files. The authority makes the certificates; nil: a new one.
func (t Config) LoadHandshaker(authority *Authority) (h Handshaker, err error) {
	h.truncate, h.beforeClient, h.beforeServer = t.Truncate, t.BeforeClient, t.BeforeServer
	if t.Terminate == nil && t.Originate == nil {
		if t.Truncate || len(t.Protocols) > 0 {
			return h, &FieldError{"terminate", errors.New("protocols and truncate apply only to a proxy that terminates or originates TLS")}
		}
		return h, nil
	}
	if err := checkProtocols(t.Protocols); err != nil {
		return h, err
	}
	if t.Terminate != nil {
		if h.terminate, err = t.Terminate.loadServerConfig(authority); err != nil {
			return h, err
		}
		h.terminate.NextProtos = t.Protocols
	}
	if t.Originate != nil {
		if h.originate, err = t.Originate.loadClientConfig(); err != nil {
			return h, err
		}
		h.originate.NextProtos = t.Protocols
	}
	return h, nil
}

// checkProtocols: RFC 7301 section 3.1 has a length of one byte for each.
func checkProtocols(names []string) error {
	for _, name := range names {
		if name == "" || len(name) > 255 {
			return &FieldError{"protocols", fmt.Errorf("%q is not a protocol name", name)}
		}
	}
	return nil
}

func (t Terminate) loadServerConfig(authority *Authority) (*tls.Config, error) {
	files := t.Certificate != "" || t.Key != ""
	switch {
	case files == t.Generated:
		return nil, &FieldError{"terminate", errors.New("give either certificate and key, or generated")}
	case files && len(t.Names) > 0:
		return nil, &FieldError{"terminate.names", errors.New("names apply to generated certificates only")}
	case files:
		return t.loadFiles()
	}
	for _, name := range t.Names {
		if err := checkName(name); err != nil {
			return nil, &FieldError{"terminate.names", err}
		}
	}
	if authority == nil {
		var err error
		if authority, err = NewAuthority(); err != nil {
			return nil, err
		}
	}
	return &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return authority.issueFor(hello, t.Names)
	}}, nil
}

func (t Terminate) loadFiles() (*tls.Config, error) {
	chain, err := readFile("terminate.certificate", t.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := readFile("terminate.key", t.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, &FieldError{"terminate.certificate", fmt.Errorf("%s and %s: %w", t.Certificate, t.Key, err)}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, nil
}

func checkName(name string) error {
	if net.ParseIP(name) != nil {
		return nil
	}
	bad := func(r rune) bool {
		return !(r == '.' || r == '-' || r == '*' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	if name == "" || len(name) > 253 || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q is not a host name", name)
	}
	return nil
}

func (o Originate) loadClientConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: o.ServerName, InsecureSkipVerify: o.Insecure, ClientSessionCache: o.Sessions}
	if o.ServerName != "" {
		if err := checkName(o.ServerName); err != nil {
			return nil, &FieldError{"originate.server_name", err}
		}
	}
	if o.CA == "" {
		return config, nil
	}
	text, err := readFile("originate.ca", o.CA)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, &FieldError{"originate.ca", fmt.Errorf("%s: no certificate in it", o.CA)}
	}
	return config, nil
}

// maxPEM is how large a file of certificates may be, bytes.
const maxPEM = 4 << 20

// readFile reads a file that is one: a device, a pipe or some of proc(5) would
// never end.
func readFile(field, path string) ([]byte, error) {
	if path == "" {
		return nil, &FieldError{field, errors.New("no file is given")}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, &FieldError{field, err}
	case !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > maxPEM:
		return nil, &FieldError{field, fmt.Errorf("%s: not a file of 1 to %d bytes", path, maxPEM)}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &FieldError{field, err}
	}
	return text, nil
}
