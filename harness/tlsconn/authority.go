package tlsconn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"sync"
	"time"
)

// How long what an authority signs is valid. It does not outlive its process,
// and a client's clock may be wrong.
const (
	certificateBefore = 24 * time.Hour
	certificateAfter  = 365 * 24 * time.Hour
)

// knownNames bounds how many certificates an authority keeps.
const knownNames = 256

// An Authority makes certificates for whatever name a client asks for. Its key
// is in no file; who trusts its own certificate, [Authority.PEM], trusts this
// process and no other. It is safe for concurrent use. Create it with
// [NewAuthority].
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey

	mu     sync.Mutex // guards made
	leaves map[string]*tls.Certificate
}

// NewAuthority returns an authority with a new key.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("authority key: %w", err)
	}
	template := certTemplate("harness authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("authority certificate: %w", err)
	}
	own, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("authority certificate: %w", err)
	}
	return &Authority{certificate: own, key: key, leaves: map[string]*tls.Certificate{}}, nil
}

func certTemplate(name string) *x509.Certificate {
	now := time.Now()
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // never fails
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"harness"}},
		NotBefore: now.Add(-certificateBefore), NotAfter: now.Add(certificateAfter)}
}

// PEM returns the authority's own certificate, for clients to trust.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// Pool is what clients have to trust.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// issueFor returns a certificate for the name that the client asks for, or else the
// address that it has connected to, for the names given and for localhost.
func (a *Authority) issueFor(hello *tls.ClientHelloInfo, names []string) (*tls.Certificate, error) {
	wanted := hello.ServerName
	if at, ok := hello.Conn.LocalAddr().(*net.TCPAddr); wanted == "" && ok {
		wanted = at.IP.String()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := fmt.Sprintf("%q %q", wanted, names)
	if made := a.leaves[key]; made != nil {
		return made, nil
	}
	made, err := a.SignLeaf(append([]string{wanted}, names...))
	if err != nil {
		return nil, err
	}
	if len(a.leaves) >= knownNames {
		clear(a.leaves)
	}
	a.leaves[key] = made
	return made, nil
}

// SignLeaf returns a new certificate, with a key of its own, for the names and
// addresses given ("" is none) and for localhost.
func (a *Authority) SignLeaf(names []string) (*tls.Certificate, error) {
	return a.sign(append(names, "localhost", "127.0.0.1", "::1"), certTemplate("localhost"))
}

// SignOther is SignLeaf without localhost: for the name alone.
func (a *Authority) SignOther(name string) (*tls.Certificate, error) {
	return a.sign([]string{name}, certTemplate(name))
}

// SignExpired is SignLeaf for a certificate that is not valid any more.
func (a *Authority) SignExpired(names []string) (*tls.Certificate, error) {
	template := certTemplate("localhost")
	template.NotAfter = time.Now().Add(-time.Hour)
	return a.sign(append(names, "localhost", "127.0.0.1", "::1"), template)
}

func (a *Authority) sign(names []string, template *x509.Certificate) (*tls.Certificate, error) {
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for i, name := range names {
		ip := net.ParseIP(name)
		switch {
		case name == "" || slices.Contains(names[:i], name):
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		default:
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	template.Subject.CommonName = names[slices.IndexFunc(names, func(n string) bool { return n != "" })]
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("certificate for %q: %w", template.Subject.CommonName, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: key}, nil
}
