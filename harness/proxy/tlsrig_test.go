package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/tlsconn"
)

func newAuthority(t testing.TB) *tlsconn.Authority {
	t.Helper()
	a, err := tlsconn.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// trusting returns the configuration of a client that trusts the authority.
func trusting(a *tlsconn.Authority, name string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.PEM())
	return &tls.Config{RootCAs: pool, ServerName: name}
}

// serving returns the configuration of a server whose certificate is of the authority.
func serving(t testing.TB, a *tlsconn.Authority, names ...string) *tls.Config {
	t.Helper()
	c, err := a.SignLeaf(names)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{*c}}
}

// files writes a pair of certificate and key, and the authority's.
func files(t testing.TB, a *tlsconn.Authority) (certificate, key, ca string) {
	t.Helper()
	pair := serving(t, a).Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key, ca = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")
	for path, text := range map[string][]byte{ca: a.PEM(), key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key, ca
}

// A recorded keeps what was read from a socket.
type recorded struct {
	link.Conn
	mu  sync.Mutex
	got bytes.Buffer
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got.Write(p[:n])
	return n, err
}

// lastRecord returns the type of the last record that came, of TLS 1.2: 0x15 is an alert.
func (r *recorded) lastRecord(t *testing.T) byte {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var last byte
	for b := r.got.Bytes(); len(b) >= 5; {
		size := 5 + int(b[3])<<8 + int(b[4])
		last = b[0]
		if size > len(b) {
			t.Fatalf("the last record is cut")
		}
		b = b[size:]
	}
	return last
}

// generated has the proxy terminate TLS with certificates of the authority.
func generated(a *tlsconn.Authority, list ...Toxic) func(*Config) {
	return func(c *Config) {
		c.TLS.Terminate, c.Authority, c.Toxics = &tlsconn.Terminate{Generated: true}, a, list
	}
}

// secureClient connects and speaks TLS 1.2, of which one sees the alerts.
func (x *crossing) secureClient(a *tlsconn.Authority, name string) (*tls.Conn, *recorded) {
	x.t.Helper()
	raw := &recorded{Conn: x.mustDial()}
	config := trusting(a, name)
	config.MaxVersion = tls.VersionTLS12
	c := tls.Client(raw, config)
	if err := c.Handshake(); err != nil {
		x.t.Fatal(err)
	}
	return c, raw
}
