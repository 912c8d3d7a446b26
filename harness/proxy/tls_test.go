package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/tlsconn"
	"github.com/sockharness/harness/toxics/spec"
)

func TestTLSPassesThroughUntouched(t *testing.T) {
	a := newAuthority(t)
	x := newCrossing(t, "tcp", "tcp", nil)
	client := tls.Client(x.mustDial(), trusting(a, "example.test"))
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	config := serving(t, a, "example.test")
	server := tls.Server(x.accept(), config)
	if err := errors.Join(server.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(client.ConnectionState().PeerCertificates[0].Raw, config.Certificates[0].Certificate[0]) {
		t.Error("the certificate is not the server's")
	}
	data := noise(4 << 20)
	go func() {
		_, _ = client.Write(data)
		_ = client.CloseWrite()
	}()
	if got, err := io.ReadAll(server); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	until(t, "the bulk of it was spliced", func() bool {
		c := x.proxy.OpenConnections()[0]
		return !canSplice || c.Direct[event.Upstream] > int64(len(data)/2)
	})
}

func TestTLSIsTerminated(t *testing.T) {
	a := newAuthority(t)
	for _, n := range [][2]string{{"tcp", "tcp"}, {"unix", "tcp"}, {"tcp", "unix"}} {
		t.Run(n[0]+" to "+n[1], func(t *testing.T) {
			x := newCrossing(t, n[0], n[1], generated(a))
			client, raw := x.secureClient(a, "any.name.test")
			server := x.accept()
			send(t, client, "request")
			wantRead(t, server, "request")
			send(t, server, "reply")
			wantRead(t, client, "reply")
			data := noise(3 << 20)
			go func() { _, _ = client.Write(data) }()
			if !bytes.Equal(drain(t, server, len(data)), data) {
				t.Fatal("the bytes differ")
			}
			_ = client.CloseWrite()
			_ = raw.CloseWrite()
			wantEnding(t, server, "", event.EOF)
			send(t, server, "late reply")
			_ = server.CloseWrite()
			wantEnding(t, client, "late reply", event.EOF)
			if got := raw.lastRecord(t); got != 0x15 {
				t.Errorf("the last record is of type %#x, want a close_notify", got)
			}
			x.wantClosed()
			if up := x.proxy.TotalTraffic(event.Upstream).Received; up != int64(len(data)+len("request")) {
				t.Errorf("%d bytes upstream: not the plaintext's", up)
			}
		})
	}
}

// Toxics strike at bytes of the plaintext, and what they do to the connection is
// done to the socket.
func TestTLSToxics(t *testing.T) {
	a := newAuthority(t)
	t.Run("half_close", func(t *testing.T) {
		x := newCrossing(t, "tcp", "tcp", generated(a, made(t, spec.Spec{Type: "half_close", At: at(4)})))
		client, raw := x.secureClient(a, "localhost")
		server := x.accept()
		send(t, server, "0123456789")
		wantEnding(t, client, "0123", event.EOF)
		if got := raw.lastRecord(t); got != 0x15 {
			t.Errorf("the last record is of type %#x, want a close_notify", got)
		}
		wantEnding(t, raw.Conn, "", event.EOF)
		send(t, client, "still open")
		wantRead(t, server, "still open")
	})
	t.Run("truncate", func(t *testing.T) {
		x := newCrossing(t, "tcp", "tcp", func(c *Config) {
			generated(a, made(t, spec.Spec{Type: "half_close", At: at(4)}))(c)
			c.TLS.Truncate = true
		})
		client, raw := x.secureClient(a, "localhost")
		server := x.accept()
		send(t, server, "0123456789")
		wantEnding(t, client, "0123", event.EOF)
		if got := raw.lastRecord(t); got != 0x17 {
			t.Errorf("the last record is of type %#x, want data", got)
		}
		send(t, client, "still open")
		wantRead(t, server, "still open")
	})
	t.Run("reset", func(t *testing.T) {
		x := newCrossing(t, "tcp", "tcp", generated(a, made(t, spec.Spec{Type: "reset", At: at(4)})))
		client, _ := x.secureClient(a, "localhost")
		server := x.accept()
		send(t, server, "0123456789")
		wantEnding(t, client, "0123", event.Reset)
		wantEnding(t, server, "", event.Reset)
	})
	t.Run("boundaries", func(t *testing.T) {
		x := newCrossing(t, "tcp", "tcp", generated(a, down("lockstep", lockstep())))
		client, _ := x.secureClient(a, "localhost")
		server := x.accept()
		send(t, server, "0123456789")
		buf := make([]byte, 100)
		for i := range 10 {
			if n, err := client.Read(buf); n != 1 || err != nil || buf[0] != byte('0'+i) {
				t.Fatalf("read %q, %v", buf[:n], err)
			}
		}
		if canSplice {
			x.wantEvent("deliver", func(e event.Event) bool {
				return e.Kind == event.BoundaryRead && e.Offset == 9 && e.Detail == "verified"
			})
		}
	})
}

func TestTLSEndings(t *testing.T) {
	a := newAuthority(t)
	_, _, ca := files(t, a)
	// Both sides speak TLS.
	pair := func(t *testing.T) (x *crossing, client *tls.Conn, raw *recorded, server *tls.Conn) {
		x = newCrossing(t, "tcp", "tcp", func(c *Config) {
			generated(a)(c)
			c.TLS.Originate = &tlsconn.Originate{CA: ca, ServerName: "upstream.test"}
		})
		shaken := make(chan error, 1)
		accepted := make(chan *tls.Conn, 1)
		go func() {
			server := tls.Server(x.accept(), serving(t, a, "upstream.test"))
			accepted <- server
			shaken <- server.Handshake()
		}()
		client, raw = x.secureClient(a, "client.test")
		server = <-accepted
		if err := <-shaken; err != nil {
			t.Fatal(err)
		}
		send(t, client, "request")
		wantRead(t, server, "request")
		return x, client, raw, server
	}
	t.Run("half-close", func(t *testing.T) {
		_, client, _, server := pair(t)
		_ = client.CloseWrite()
		wantEnding(t, server, "", event.EOF)
		send(t, server, "reply")
		_ = server.CloseWrite()
		wantEnding(t, client, "reply", event.EOF)
	})
	t.Run("reset", func(t *testing.T) {
		x, _, raw, server := pair(t)
		resetIt(t, raw.Conn)
		wantEnding(t, server, "", event.Reset)
		x.wantClosed()
	})
	t.Run("cut in a record", func(t *testing.T) {
		_, _, raw, server := pair(t)
		send(t, raw.Conn, "\x17\x03\x03\x00\x40half of it")
		_ = raw.CloseWrite()
		wantEnding(t, server, "", event.EOF)
	})
	t.Run("broken", func(t *testing.T) {
		_, _, raw, server := pair(t)
		send(t, raw.Conn, "\x17\x03\x03\x00\x20"+strings.Repeat("x", 32))
		wantEnding(t, server, "", event.Reset)
	})
}

func TestTLSIsOriginated(t *testing.T) {
	a := newAuthority(t)
	certificate, key, ca := files(t, a)
	_, _, foreign := files(t, newAuthority(t))
	for name, test := range map[string]struct {
		originate tlsconn.Originate
		want      string // in the event of the failure
	}{
		"trusted":     {tlsconn.Originate{CA: ca, ServerName: "localhost"}, ""},
		"of the host": {tlsconn.Originate{CA: ca}, ""},
		"insecure":    {tlsconn.Originate{Insecure: true}, ""},
		"untrusted":   {tlsconn.Originate{CA: foreign}, "unknown authority"},
		"other name":  {tlsconn.Originate{CA: ca, ServerName: "other.test"}, "other.test"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newCrossing(t, "tcp", "tcp", func(c *Config) { c.TLS.Originate = &test.originate })
			pair, err := tls.LoadX509KeyPair(certificate, key)
			if err != nil {
				t.Fatal(err)
			}
			client := x.mustDial()
			server := tls.Server(x.accept(), &tls.Config{Certificates: []tls.Certificate{pair}})
			if err := server.Handshake(); test.want == "" && err != nil {
				t.Fatal(err)
			}
			if test.want != "" {
				wantEnding(t, client, "", event.EOF)
				x.wantEvent("refuse", func(e event.Event) bool { return e.Kind == event.Refuse && strings.Contains(e.Detail, test.want) })
				return
			}
			send(t, client, "request")
			wantRead(t, server, "request")
			_ = client.CloseWrite()
			wantEnding(t, server, "", event.EOF)
			send(t, server, "reply")
			_ = server.CloseWrite()
			wantEnding(t, client, "reply", event.EOF)
			x.wantClosed()
		})
	}
}

// What a client has agreed to speak is what the upstream is asked for.
func TestTLSProtocols(t *testing.T) {
	a := newAuthority(t)
	_, _, ca := files(t, a)
	x := newCrossing(t, "tcp", "tcp", func(c *Config) {
		generated(a)(c)
		c.TLS.Originate, c.TLS.Protocols = &tlsconn.Originate{CA: ca, ServerName: "localhost"}, []string{"h2", "http/1.1"}
	})
	for _, want := range []string{"h2", "http/1.1"} {
		config := trusting(a, "localhost")
		config.NextProtos = []string{want}
		client := tls.Client(x.mustDial(), config)
		shaken := make(chan error, 1)
		go func() { shaken <- client.Handshake() }()
		behind := serving(t, a)
		behind.NextProtos = []string{"http/1.1", "h2"}
		server := tls.Server(x.accept(), behind)
		if err := errors.Join(server.Handshake(), <-shaken); err != nil {
			t.Fatal(err)
		}
		if got := server.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("upstream speaks %q, want %q", got, want)
		}
		if got := client.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("the client speaks %q, want %q", got, want)
		}
	}
}

// A client that does not shake hands is given up and holds up nobody.
func TestTLSHandshakeFails(t *testing.T) {
	a := newAuthority(t)
	x := newCrossing(t, "tcp", "tcp", func(c *Config) {
		generated(a)(c)
		c.DialTimeout = 500 * time.Millisecond
	})
	silent, plain := x.mustDial(), x.mustDial()
	send(t, plain, "GET / HTTP/1.1\r\n\r\n")
	_, _ = io.ReadAll(plain)
	x.wantEvent("refuse", func(e event.Event) bool { return e.Kind == event.Refuse && strings.Contains(e.Detail, "tls handshake") })
	client, _ := x.secureClient(a, "localhost")
	send(t, client, "served")
	wantRead(t, x.accept(), "served")
	_, _ = io.ReadAll(silent)
	x.wantEvent("refuse", func(e event.Event) bool {
		return e.Kind == event.Refuse && e.Conn == 1 && strings.Contains(e.Detail, context.DeadlineExceeded.Error())
	})
	held := x.mustDial()
	_ = x.proxy.Close() // does not wait for it
	if _, err := held.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after close: %v", err)
	}
}

// An upstream that does not shake hands is one that cannot be dialled.
func TestTLSUpstreamIsSilent(t *testing.T) {
	x := newCrossing(t, "tcp", "tcp", func(c *Config) {
		c.TLS.Originate, c.DialTimeout, c.UpstreamDown = &tlsconn.Originate{Insecure: true}, 50*time.Millisecond, FailReset
	})
	client := x.mustDial()
	x.accept()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, want a reset", err)
	}
	x.wantClosed()
}

func TestTLSMistakes(t *testing.T) {
	a := newAuthority(t)
	certificate, key, ca := files(t, a)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, spec := range map[string]tlsconn.Config{
		"tls.terminate: give either certificate and key, or generated": {Terminate: &tlsconn.Terminate{}},
		"tls.terminate: give":                                           {Terminate: &tlsconn.Terminate{Generated: true, Key: key, Certificate: certificate}},
		"tls.terminate.key: no file":                                    {Terminate: &tlsconn.Terminate{Certificate: certificate}},
		"tls.terminate.certificate: no file":                            {Terminate: &tlsconn.Terminate{Key: key}},
		"tls.terminate.certificate: stat /none":                         {Terminate: &tlsconn.Terminate{Certificate: "/none", Key: key}},
		"tls.terminate.certificate: /dev/zero: not a file":              {Terminate: &tlsconn.Terminate{Certificate: "/dev/zero", Key: key}},
		"tls.terminate.certificate: " + ca:                              {Terminate: &tlsconn.Terminate{Certificate: ca, Key: key}},
		"tls.terminate.names: names apply to generated":                 {Terminate: &tlsconn.Terminate{Certificate: certificate, Key: key, Names: []string{"a"}}},
		"tls.terminate.names: \"a b\"":                                  {Terminate: &tlsconn.Terminate{Generated: true, Names: []string{"a b"}}},
		"tls.originate.ca: " + empty + ": no certificate":               {Originate: &tlsconn.Originate{CA: empty}},
		"tls.originate.server_name":                                     {Originate: &tlsconn.Originate{ServerName: "a/b"}},
		"tls.protocols: \"\"":                                           {Originate: &tlsconn.Originate{}, Protocols: []string{""}},
		"tls.terminate: protocols and truncate apply only to a proxy":   {Truncate: true},
		"tls.terminate: protocols and truncate apply only to a proxy t": {Protocols: []string{"h2"}},
	} {
		var field *tlsconn.FieldError
		if err := spec.CheckFiles(); !errors.As(err, &field) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", spec, err, want)
		}
		if _, err := New(Config{Name: "p", Listen: "127.0.0.1:0", TLS: spec}); err == nil {
			t.Errorf("%+v: taken", spec)
		}
	}
	if err := (tlsconn.Config{Terminate: &tlsconn.Terminate{Certificate: certificate, Key: key}, Originate: &tlsconn.Originate{CA: ca}, Truncate: true}).CheckFiles(); err != nil {
		t.Error(err)
	}
}
