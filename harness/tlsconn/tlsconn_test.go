package tlsconn

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
)

func TestAuthorityKnowsManyNames(t *testing.T) {
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for i := range knownNames + 10 {
		if _, err := a.issueFor(&tls.ClientHelloInfo{ServerName: "n" + string(rune('a'+i%26)) + strings.Repeat("x", i/26), Conn: &net.TCPConn{}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.leaves) > knownNames {
		t.Errorf("%d are kept", len(a.leaves))
	}
}

// FuzzConfig reads attributes as they come; none of them makes the reader fail
// otherwise than by naming the field.
func FuzzConfig(f *testing.F) {
	f.Add("", "", true, "localhost", "", "", "h2")
	f.Add("/dev/null", "/dev/full", false, "*.a", "/proc/self/mem", "[::1]", "\x00")
	f.Fuzz(func(t *testing.T, certificate, key string, made bool, name, ca, server, protocol string) {
		spec := Config{Terminate: &Terminate{Certificate: certificate, Key: key, Generated: made, Names: []string{name}},
			Originate: &Originate{CA: ca, ServerName: server}, Protocols: []string{protocol}}
		var field *FieldError
		if err := spec.CheckFiles(); err != nil && !errors.As(err, &field) {
			t.Error(err)
		}
	})
}
