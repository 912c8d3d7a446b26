package tlsconn

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/link"
)

// pair is a connection of TCP on this machine.
func pair(t *testing.T) (client, server link.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialled, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{dialled, accepted} {
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	return dialled.(link.Conn), accepted.(link.Conn)
}

// configs are those of a server and of a client that trusts it.
func configs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := a.SignLeaf(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{*leaf}}, &tls.Config{RootCAs: a.Pool(), ServerName: "localhost"}
}

// Handshake messages may be in any number of records; all of them are seen one by one.
func TestFragmentedHandshake(t *testing.T) {
	serverConfig, clientConfig := configs(t)
	dialled, accepted := pair(t)
	seen, encrypted := 0, false
	records := &RecordConn{Conn: dialled, Send: func(c link.Conn, n int, r Record) error {
		if seen++; n != seen-1 {
			t.Errorf("record %d after %d", n, seen-1)
		}
		if encrypted = encrypted || r.Type() != HandshakeRecord; !encrypted {
			r = r.Fragment(7)
		}
		_, err := c.Write(r)
		return err
	}}
	server := WrapServer(accepted, serverConfig)
	done := make(chan error, 1)
	go func() { done <- server.RunHandshake(context.Background()) }()
	if err := WrapClient(records, clientConfig).RunHandshake(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if seen < 2 {
		t.Errorf("%d records were seen", seen)
	}
}

// What is sealed beside the library is read by the other side, and so is what follows.
func TestSealerOnBothSides(t *testing.T) {
	for _, isServer := range []bool{false, true} {
		serverConfig, clientConfig := configs(t)
		dialled, accepted := pair(t)
		s := &Sealer{Server: isServer}
		own, ownConfig := dialled, clientConfig
		if isServer {
			own, ownConfig = accepted, serverConfig
		}
		s.Configure(ownConfig)
		records := &RecordConn{Conn: s.TapReads(own), Send: func(c link.Conn, _ int, r Record) error {
			r, err := s.ObserveSent(r)
			if err == nil {
				_, err = c.Write(r)
			}
			return err
		}}
		ends := []*Conn{WrapClient(records, clientConfig), WrapServer(accepted, serverConfig)}
		if isServer {
			ends = []*Conn{WrapServer(records, serverConfig), WrapClient(dialled, clientConfig)}
		}
		done := make(chan error, 1)
		go func() { done <- ends[1].RunHandshake(context.Background()) }()
		if err := ends[0].RunHandshake(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(s.Finished) != 12 {
			t.Errorf("verify_data of %d bytes", len(s.Finished))
		}
		record, err := s.SealRecord(ApplicationRecord, []byte("beside "))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := own.Write(record); err != nil {
			t.Fatal(err)
		}
		if _, err := ends[0].Write([]byte("after")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len("beside after"))
		if _, err := io.ReadFull(ends[1], got); err != nil || string(got) != "beside after" {
			t.Errorf("got %q, %v", got, err)
		}
		alert, err := s.SealRecord(AlertRecord, []byte{2, 80})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := own.Write(alert); err != nil {
			t.Fatal(err)
		}
		if _, err := ends[1].Read(got); err == nil || !strings.Contains(err.Error(), "internal error") {
			t.Errorf("after the alert: %v", err)
		}
	}
}

func TestIdentityAndItsChecks(t *testing.T) {
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	id, err := a.WriteIdentity(folder, "a.example")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(id.Key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", info, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil || !bytes.Equal(text, a.PEM()) {
		t.Errorf("ca.pem: %v", err)
	}
	made, err := tls.LoadX509KeyPair(id.Certificate, id.Key)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := a.SignExpired(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := a.SignOther("other.invalid")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pair tls.Certificate
		name string
		want string // in the error
	}{
		{made, "a.example", ""}, {made, "127.0.0.1", ""}, {made, "b.example", "not for b.example"},
		{*expired, "localhost", "it expired on"}, {*other, "localhost", "it is for other.invalid, not for localhost"},
	} {
		err := CheckLeaf(c.pair, time.Now(), c.name)
		if got := errorText(err); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
