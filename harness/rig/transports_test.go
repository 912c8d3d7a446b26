package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

func TestUnixSocketIsDelivered(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skipf("SKIPPED: this system does not tell who reads a unix socket: %v", err)
	}
	runCodeOn(t, transportTarget(t, scenario.Unix, "program-unix-server", "{path}"), scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		conn, err := rig.DialProxy(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("hel")); err != nil {
			return err
		}
		if err := rig.AwaitDelivered(ctx, conn, 3); err != nil {
			return fmt.Errorf("AwaitDelivered: %w", err)
		}
		if _, err := conn.Write([]byte("lo\n")); err != nil {
			return err
		}
		answer := make([]byte, 6)
		if n, err := conn.Read(answer); err != nil || string(answer[:n]) != "HELLO\n" {
			return fmt.Errorf("got %q, %v", answer[:n], err)
		}
		return nil
	})
}

// On TLS a fault means the plaintext: it is cut at a byte of the request.
func TestTLSServerIsSplitInPlaintext(t *testing.T) {
	target := transportTarget(t, scenario.TLS, "program-tls-server", "{port}", "{cert}", "{key}")
	cut := scenario.SplitAt(event.Upstream, 2)
	o := playOn(t, target, scenario.Variant{Name: "cut", Faults: []spec.Spec{cut}})
	if o.Played == nil || !o.Played.OK() || !o.HasStruck(cut) {
		t.Errorf("got %+v, struck %v, want the whole conversation with a cut", o.Played, o.HasStruck(cut))
	}

	runCodeOn(t, target, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		if err := rig.FirstExchange(ctx); err != nil {
			return err
		}
		wire, ok := rig.(scenario.WireRig)
		if !ok {
			return errors.New("the rig has no wire")
		}
		client, err := wire.ClientTLS()
		if err != nil || client.RootCAs == nil {
			return fmt.Errorf("ClientTLS: got %+v, %v, want the CA of the run", client, err)
		}
		server, authority, err := wire.ServerTLS()
		if err != nil || authority == nil || server == nil {
			return fmt.Errorf("ServerTLS: got %v, %v, %v", server, authority, err)
		}
		return nil
	})
	runCode(t, scenario.Server, scenario.Variant{}, func(_ context.Context, rig scenario.Rig) error {
		if _, err := rig.(scenario.WireRig).ClientTLS(); !errors.Is(err, errNoTLS) {
			return fmt.Errorf("ClientTLS without TLS: got %v", err)
		}
		_, _, err := rig.(scenario.WireRig).ServerTLS()
		if !errors.Is(err, errNoTLS) {
			return fmt.Errorf("ServerTLS without TLS: got %v", err)
		}
		return nil
	})
}

// A service starts before the program that needs it, which is told its address.
func TestServiceIsStartedAndNamed(t *testing.T) {
	target := programTarget(t, scenario.Server)
	target.Services = []scenario.Service{{Name: "db", Command: []string{target.Server.Command[0], "reference", "server", "line", "127.0.0.1", "{port}"}, Env: target.Server.Env}}
	target.Server.Env = append(slices.Clone(target.Server.Env), "DB={db.addr}")
	b := NewTestbed(Config{Tmp: t.TempDir(), StartTimeout: time.Minute}, target)
	defer b.Close()
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.programs.command(target.Server).Env; !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "DB=127.0.0.1:") }) {
		t.Errorf("environment of the server: got %q, want the address of the service", got)
	}
	if got := len(b.programs.ServiceTree()); got != 1 {
		t.Errorf("got %d processes of services, want 1", got)
	}
}

// A second instance on the port of the first one ends with an error; on a port of its own it
// stays, and is found listening.
func TestSecondInstance(t *testing.T) {
	runCode(t, scenario.Server, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		second, err := rig.StartSecondInstance(ctx, rig.ServerAddr())
		if err != nil || second.Exit == nil || second.Exit.Code != 1 || !bytes.Contains(second.Stderr, []byte("address already in use")) {
			return fmt.Errorf("on a taken port: got %+v, %v, want status 1 and the reason", second, err)
		}
		second, err = rig.StartSecondInstance(ctx, "127.0.0.1:0")
		if err != nil || second.Exit != nil || !second.Stuck || len(second.ListenAddrs) != 1 {
			return fmt.Errorf("on a port of its own: got %+v, %v, want one that listens, and waits", second, err)
		}
		return nil
	})
}

// Each data connection passes a proxy of its own, from either side.
func TestDataConnections(t *testing.T) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	behind, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if conn, err := behind.Accept(); err == nil {
			upper(conn)
			conn.Close()
		}
	})
	defer serving.Wait()
	defer behind.Close()
	d := &dataConnections{script: &dialogue.Script{}, server: "127.0.0.1", config: func(n int) (proxy.Config, error) { return proxy.Config{Name: fmt.Sprintf("data %d", n)}, nil }}
	_, port, err := net.SplitHostPort(behind.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.connect(t.Context(), 0, number)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if conn.RemoteAddr().String() == behind.Addr().String() {
		t.Error("the data connection goes past the proxy")
	}
	ask(t, conn, "hello\n", "HELLO\n")

	here, err := d.listen(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Listener.Close()
	server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", here.Number))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := here.Listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := server.Write([]byte("file")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if n, err := client.Read(got); err != nil || string(got[:n]) != "file" {
		t.Errorf("got %q, %v, want what the server sent", got[:n], err)
	}
	d.closeAll()
	d.closeAll()
	if _, err := d.connect(t.Context(), 2, number); !errors.Is(err, net.ErrClosed) {
		t.Errorf("connect after the end: got %v, want net.ErrClosed", err)
	}
}

func ask(t *testing.T, conn net.Conn, request, want string) {
	t.Helper()
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if n, err := conn.Read(got); err != nil || string(got[:n]) != want {
		t.Errorf("%q: got %q, %v, want %q", request, got[:n], err, want)
	}
}
