package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// A TLS says which sides of a proxy speak TLS with it, so that offsets and
// toxics mean the plaintext. The zero TLS carries TLS as any other bytes.
type TLS struct {
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
}

// A Terminate names the certificate that clients get: a pair of files, or one
// that an [Authority] makes up for each name.
type Terminate struct {
	Certificate string   `json:"certificate,omitempty"` // file, PEM, with the chain behind it
	Key         string   `json:"key,omitempty"`         // file, PEM
	Generated   bool     `json:"generated,omitempty"`
	Names       []string `json:"names,omitempty"` // in generated ones, beside the name asked for
}

// An Originate says whom the proxy trusts to be the upstream.
type Originate struct {
	CA         string `json:"ca,omitempty"`          // file, PEM; "": what the system trusts
	ServerName string `json:"server_name,omitempty"` // "": the host of the upstream's address
	Insecure   bool   `json:"insecure,omitempty"`    // trust anybody
}

// A FieldError is a mistake in one attribute of a [TLS].
type FieldError struct {
	Field string // such as "terminate.key"
	Err   error
}

func (e *FieldError) Error() string { return "tls." + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// Check reads the files that are named and returns the first mistake, a
// [*FieldError].
func (t TLS) Check() error {
	_, err := t.load(&Authority{})
	return err
}

// A handshaker holds what a proxy needs for its handshakes.
type handshaker struct {
	terminate *tls.Config // nil: the client's bytes are carried as they are
	originate *tls.Config // nil: and so are those to the upstream
	truncate  bool
}

// load reads the files. The authority makes the certificates; nil: a new one.
func (t TLS) load(authority *Authority) (h handshaker, err error) {
	h.truncate = t.Truncate
	if t.Terminate == nil && t.Originate == nil {
		if t.Truncate || len(t.Protocols) > 0 {
			return h, &FieldError{"terminate", errors.New("protocols and truncate are for a proxy that terminates or originates TLS")}
		}
		return h, nil
	}
	if err := checkProtocols(t.Protocols); err != nil {
		return h, err
	}
	if t.Terminate != nil {
		if h.terminate, err = t.Terminate.load(authority); err != nil {
			return h, err
		}
		h.terminate.NextProtos = t.Protocols
	}
	if t.Originate != nil {
		if h.originate, err = t.Originate.load(); err != nil {
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
			return &FieldError{"protocols", fmt.Errorf("%q is no name of a protocol", name)}
		}
	}
	return nil
}

func (t Terminate) load(authority *Authority) (*tls.Config, error) {
	files := t.Certificate != "" || t.Key != ""
	switch {
	case files == t.Generated:
		return nil, &FieldError{"terminate", errors.New("give certificate and key, or generated, and not both")}
	case files && len(t.Names) > 0:
		return nil, &FieldError{"terminate.names", errors.New("names are for generated certificates")}
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
		return authority.issue(hello, t.Names)
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
		return fmt.Errorf("%q is no name of a host", name)
	}
	return nil
}

func (o Originate) load() (*tls.Config, error) {
	config := &tls.Config{ServerName: o.ServerName, InsecureSkipVerify: o.Insecure}
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
		return nil, &FieldError{field, errors.New("no file is named")}
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
