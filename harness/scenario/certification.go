package scenario

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A Certification is who a target's server is on TLS, and whom its clients trust.
type Certification struct {
	Files     tlsconn.Identity   // the files of the target, or what was made
	Authority *tlsconn.Authority // of what the harness has made; nil: the target has its own certificate
	Server    *tls.Config        // of the harness as server
	Client    *tls.Config        // of the harness as client
	// Resumes has each connection of the harness as client remember its session, for its data
	// connections: many servers of FTP want them to go on with it (RFC 4217 section 10.2).
	Resumes bool

	sessions sessionBook
}

// Certify reads the certificates of a target on TLS, or makes them in a folder of
// their own below tmp, which stays.
func Certify(t Target, tmp string) (*Certification, error) {
	said := t.FilesOfTLS()
	c := &Certification{Files: tlsconn.Identity{CA: said.CA, Certificate: said.Certificate, Key: said.Key}, Resumes: t.SecuresData()}
	if said.Certificate == "" {
		if err := c.make(t, tmp); err != nil {
			return nil, err
		}
	} else if said.CA == "" {
		c.Files.CA = said.Certificate
	}
	return c, c.load(t)
}

// make makes what the target does not name.
func (c *Certification) make(t Target, tmp string) error {
	folder, err := os.MkdirTemp(tmp, "tls-")
	if err != nil {
		return err
	}
	if c.Authority, err = tlsconn.NewAuthority(); err != nil {
		return err
	}
	made, err := c.Authority.WriteIdentity(folder, t.ServerName())
	if err != nil {
		return err
	}
	ca := c.Files.CA
	c.Files = made
	if ca != "" { // of a server that has its own certificate
		c.Files.CA = ca
	}
	return nil
}

func (c *Certification) load(t Target) error {
	pair, err := tls.LoadX509KeyPair(c.Files.Certificate, c.Files.Key)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	said := t.FilesOfTLS()
	c.Server = &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: said.Protocols}
	c.Client = &tls.Config{ServerName: t.ServerName(), NextProtos: said.Protocols, InsecureSkipVerify: said.Insecure}
	if c.TrustsSystem(t) {
		return nil
	}
	text, err := os.ReadFile(c.Files.CA)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	c.Client.RootCAs = x509.NewCertPool()
	if !c.Client.RootCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("certificate: %s: no certificate in it", c.Files.CA)
	}
	return nil
}

// TrustsSystem reports whether the server runs already, with a certificate of which the
// target says nothing.
func (c *Certification) TrustsSystem(t Target) bool {
	return t.Server.Address != "" && t.FilesOfTLS().CA == "" && t.FilesOfTLS().Certificate == ""
}

// ExpandWords returns the words with {ca}, {cert} and {key} replaced. It may be called on nil,
// of another transport: then they stay.
func (c *Certification) ExpandWords(words []string) []string {
	if c == nil {
		return words
	}
	return peer.ReplaceWords(words, tlsWords[0], c.Files.CA, tlsWords[1], c.Files.Certificate, tlsWords[2], c.Files.Key)
}
