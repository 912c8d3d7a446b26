package capture

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/tlsconn"
)

// shout answers the first bytes in upper case, and ends.
func shout(t *testing.T, l net.Listener) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 100)
				n, _ := c.Read(buf)
				c.Write(bytes.ToUpper(buf[:n]))
			}()
		}
	}()
}

// askThrough says hello to a relay, and returns what it has recorded.
func askThrough(t *testing.T, r *Relay, conn net.Conn) Conversation {
	t.Helper()
	defer conn.Close()
	io.WriteString(conn, "hello\n")
	if b, err := io.ReadAll(conn); string(b) != "HELLO\n" {
		t.Errorf("%q, %v", b, err)
	}
	conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all, err := r.WaitConversations(ctx, 1)
	if err != nil || len(all) != 1 || len(all[0].Turns) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

func TestRelayOfTLSRecordsThePlaintext(t *testing.T) {
	authority, err := tlsconn.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := authority.SignLeaf(nil)
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{Certificates: []tls.Certificate{*leaf}}
	client := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shout(t, tls.NewListener(l, server))
	r, err := StartTLSRelay("127.0.0.1:0", l.Addr().String(), server, client)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	conn, err := tls.Dial("tcp", r.Addr(), client)
	if err != nil {
		t.Fatal(err)
	}
	if c := askThrough(t, r, conn); string(c.Turns[0].Bytes) != "hello\n" {
		t.Errorf("recorded %q", c.Turns[0].Bytes)
	}
}

func TestRelayOfUnixSockets(t *testing.T) {
	folder, err := os.MkdirTemp("", "r")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	l, err := net.Listen("unix", filepath.Join(folder, "s"))
	if err != nil {
		t.Fatal(err)
	}
	shout(t, l)
	r, err := StartRelay("unix:"+filepath.Join(folder, "r"), "unix:"+filepath.Join(folder, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	conn, err := net.Dial("unix", filepath.Join(folder, "r"))
	if err != nil {
		t.Fatal(err)
	}
	askThrough(t, r, conn)
}
