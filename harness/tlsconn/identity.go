package tlsconn

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An Identity is a server's certificate with its key, and what its clients have to
// trust, as the paths of PEM files.
type Identity struct {
	CA, Certificate, Key string // PEM: the authority, and a certificate of it with its key
}

// WriteIdentity makes a certificate for the names and for localhost, and writes its files
// into the folder, readable by the owner alone. Who made the folder removes them.
func (a *Authority) WriteIdentity(folder string, names ...string) (Identity, error) {
	id := Identity{filepath.Join(folder, "ca.pem"), filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")}
	leaf, err := a.SignLeaf(names)
	if err != nil {
		return id, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		return id, fmt.Errorf("certificate key: %w", err)
	}
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]})
	for _, file := range []struct {
		path string
		text []byte
	}{{id.CA, a.PEM()}, {id.Certificate, own}, {id.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})}} {
		if err := os.WriteFile(file.path, file.text, 0o600); err != nil {
			return id, fmt.Errorf("certificate file: %w", err)
		}
	}
	return id, nil
}

// CheckLeaf returns an error when the certificate is not valid at the time, or is for
// none of the names.
func CheckLeaf(pair tls.Certificate, now time.Time, names ...string) error {
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return err
	}
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("it expired on %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("it is valid from %s on", leaf.NotBefore.UTC().Format(time.DateOnly))
	case slices.ContainsFunc(names, func(n string) bool { return leaf.VerifyHostname(n) == nil }):
		return nil
	}
	known := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		known = append(known, ip.String())
	}
	if len(known) == 0 {
		return errors.New("it names no host in its subjectAltName")
	}
	return fmt.Errorf("it is for %s, not for %s; give its name as name", strings.Join(known, ", "), names[0])
}
