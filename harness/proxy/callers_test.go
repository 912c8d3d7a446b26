package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/spec"
)

// A pipeListener accepts one end of pipes within this process.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A proxy between a listener and a dialer of the caller's needs no port at all.
func TestListenerAndDialerOfTheCallers(t *testing.T) {
	leakCheck(t)
	for name, list := range map[string][]Toxic{"plain": nil, "delayed": delays(t, 1), "cut": {made(t, spec.Spec{Type: "limit_data", Attributes: map[string]any{"bytes": 4}})}} {
		t.Run(name, func(t *testing.T) {
			front, back := newPipeListener(), newPipeListener()
			log := event.NewLog(0)
			p, err := New(Config{Name: "p", Listener: front, Upstream: "the server", DialContext: back.dial, Toxics: list, Events: log.AddEvent})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = p.Close() }()
			client, err := front.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			server, err := back.Accept()
			if err != nil {
				t.Fatal(err)
			}
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				buf := make([]byte, 8)
				if _, err := io.ReadFull(server, buf); err == nil {
					_, _ = io.WriteString(server, strings.ToUpper(string(buf)))
				}
				_ = server.Close()
			}()
			send(t, client, "question")
			want := "QUESTION"
			if name == "cut" {
				want = "QUES"
			}
			wantEnding(t, client, want, event.EOF)
			_ = client.Close()
			<-answered
			if err := p.SetMode(Refuse); !errors.Is(err, sock.ErrUnsupported) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A listener of sockets keeps all that sockets can.
func TestListenerOfSockets(t *testing.T) {
	upstream := listen(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Name: "p", Listener: l, Upstream: upstream.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := dial(t, p.Addr().String())
	s, err := upstream.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	send(t, client, "hello")
	wantRead(t, s, "hello")
	_ = client.CloseWrite()
	wantEnding(t, s, "", event.EOF)
	send(t, s, "answer")
	reset(t, s)
	wantEnding(t, client, "answer", event.Reset)
	_ = p.Close()
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is open")
	}
}

// All that is wrong is told at once.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := New(Config{Name: "p", Network: "pigeon", Listen: "127.0.0.1:99999", Upstream: "nowhere", MoreUpstreams: []string{"udp:127.0.0.1:1"}, Mode: 7, UpstreamDown: 9,
		Toxics: []Toxic{{}, {Name: "a"}, {Name: "b", Refuse: true}, {Name: "c", Toxic: chainOf("noop")[0].Toxic, LastConnection: 3}}})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{`network "pigeon"`, "listen 127.0.0.1:99999", "upstream nowhere", "upstream udp:127.0.0.1:1", "mode 7", "upstream failure 9",
		"toxic without a name", "toxic a: nothing to run", "toxic b: refuse applies to the port", "toxic c: connections must end"} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], "proxy p: ") || !strings.Contains(lines[i], want) {
			t.Errorf("line %d of %q: want %s", i, lines, want)
		}
	}
	for _, cfg := range []Config{{Listener: newPipeListener(), Mode: Refuse}, {Listener: newPipeListener(), UpstreamDown: FailRefuse}, {Listener: newPipeListener(), Listen: ":1"}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

// A toxic whose toxicity is not given is on every connection.
func TestToxicityNotGivenIsAll(t *testing.T) {
	toxic := chainOf("noop")[0]
	toxic.Toxicity = 0
	never := toxic
	never.Name, never.Toxicity = "never", -1
	r := newRig(t, with(toxic, never))
	client, server := r.pair()
	send(t, client, "x")
	wantRead(t, server, "x")
	until(t, "it is at work", func() bool {
		c := r.proxy.OpenConnections()[0]
		return len(c.Toxics[0])+len(c.Toxics[1]) == 1
	})
}
