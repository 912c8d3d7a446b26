package runner

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// udpServerProgram answers datagrams in upper case.
func udpServerProgram(port string) int {
	conn, err := net.ListenPacket("udp", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	buffer := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return 1
		}
		if _, err := conn.WriteTo(bytes.ToUpper(buffer[:n]), from); err != nil {
			return 1
		}
	}
}

// udpClientProgram sends each line of conversation as a datagram, up to three times.
func udpClientProgram(address string) int {
	conn, err := net.Dial("udp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	defer conn.Close()
	buffer := make([]byte, 4096)
	for _, line := range []string{"hello\n", "world\n"} {
		n := 0
		for range 3 {
			if _, err = conn.Write([]byte(line)); err != nil {
				break
			}
			_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if n, err = conn.Read(buffer); err == nil {
				break
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "no answer:", err)
			return 1
		}
		os.Stdout.Write(buffer[:n])
	}
	return 0
}

// serveListener answers lines in upper case until SIGTERM.
func serveListener(listener net.Listener, err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		os.Exit(0)
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return 1
		}
		go func() {
			defer conn.Close()
			upper(conn)
		}()
	}
}

func unixServerProgram(path string) int {
	listener, err := net.Listen("unix", path)
	return serveListener(listener, err)
}

func tlsServerProgram(args []string) int {
	certificate, err := tls.LoadX509KeyPair(args[1], args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	listener, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:"+args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return serveListener(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}}), nil)
}

// transportTarget is a program of this test binary under test.
func transportTarget(t *testing.T, transport scenario.Transport, words ...string) scenario.Target {
	t.Helper()
	target := programTarget(t, scenario.Server)
	target.Server.Command = append(target.Server.Command[:1:1], words...)
	target.Server.Transport = transport
	return target
}

func datagramTarget(t *testing.T, role scenario.Role) scenario.Target {
	t.Helper()
	target := programTarget(t, role)
	source := &scenario.Source{File: "upper.yaml", Text: []byte("dialogue: upper\nexchanges:\n  - {send: \"hello\\n\", expect: \"HELLO\\n\"}\n  - {send: \"world\\n\", expect: \"WORLD\\n\"}\n")}
	if role == scenario.Client {
		target.Server.Dialogue, target.Client.Command[1] = source, "program-udp-client"
	} else {
		target.Client.Dialogue, target.Server.Command[1] = source, "program-udp-server"
	}
	target.Server.Transport = scenario.UDP
	return target
}

func dropping(d event.Direction, expect scenario.Expectation) scenario.Variant {
	return scenario.Variant{Name: "lost", Expect: []scenario.Expectation{expect},
		Faults: []spec.Spec{{Name: "drop_" + d.String(), Type: "drop", Direction: d, Attributes: map[string]any{"only": true}, At: spec.Trigger{Segment: 1}}}}
}

// A lost datagram is sent again by the harness's client, and by the program's.
func TestDatagramsAreLostAndRepeated(t *testing.T) {
	want(t, play1(t, datagramTarget(t, scenario.Server), playing(dropping(event.Downstream, scenario.ExpectCompletion()))), outcome.Pass)

	s := playing(dropping(event.Downstream, scenario.FailsOrRecovers()))
	s.Roles = scenario.ClientRole()
	want(t, play1(t, datagramTarget(t, scenario.Client), s), outcome.Pass)
}

// A datagram that the dialogue does not have makes the control fail, and is shown.
func TestDatagramControlSaysWhatTheClientSent(t *testing.T) {
	target := datagramTarget(t, scenario.Client)
	target.Server.Dialogue.Text = bytes.ReplaceAll(target.Server.Dialogue.Text, []byte("world"), []byte("other"))
	s := playing(dropping(event.Downstream, scenario.FailsOrRecovers()))
	s.Roles = scenario.ClientRole()
	want(t, play1(t, target, s), outcome.Blocked, `it sent "world\n", which is no request of the dialogue`)
}

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
	want(t, play1(t, target, splitting(2)), outcome.Pass)

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
	target.Services = []scenario.Service{{Name: "db", Command: []string{target.Server.Command[0], "program-server", "{port}"}, Env: target.Server.Env}}
	target.Server.Env = append(slices.Clone(target.Server.Env), "DB={db.addr}")
	b := newTestbed(testbedConfig{Tmp: t.TempDir(), StartTimeout: time.Minute}, target)
	defer b.Close()
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.expandCommand(target.Server).Env; !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "DB=127.0.0.1:") }) {
		t.Errorf("environment of the server: got %q, want the address of the service", got)
	}
	if got := len(b.servicesTree()); got != 1 {
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

// Each variant runs under each profile too, and what passed a failing one is written down.
func TestProfilesAndRecordings(t *testing.T) {
	folder := t.TempDir()
	r := New(Config{Seed: 1, Budget: 500 * time.Millisecond, Tmp: t.TempDir(), Profiles: []string{"coalesce"}, Pcap: folder})
	defer r.Close()
	s := playing(scenario.Variant{Name: "cut", Faults: []spec.Spec{scenario.SplitAt(event.Upstream, 2)}, Expect: []scenario.Expectation{scenario.EndsBy(event.Reset)}})
	results := r.RunScenario(t.Context(), serve(t, upper), s)
	if len(results) != 2 || !strings.Contains(results[1].Variant, "coalesce") {
		t.Fatalf("got %+v, want the variant, and the same under coalesce", results)
	}
	for _, one := range results {
		if one.Verdict != outcome.Fail || len(one.Captures) == 0 {
			t.Errorf("%s: got %s with %q, want a failure with recordings", one.Variant, one.Verdict, one.Captures)
		}
		for _, path := range one.Captures {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v, want a file that is not empty", path, err)
			}
		}
	}
}

// Each data connection passes a proxy of its own, from either side.
func TestDataConnections(t *testing.T) {
	target := serve(t, upper)
	d := &dataConnections{server: "127.0.0.1", config: func(n int) (proxy.Config, error) { return proxy.Config{Name: fmt.Sprintf("data %d", n)}, nil }}
	_, port, err := net.SplitHostPort(target.Server.Address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.connect(t.Context(), 0, number)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if conn.RemoteAddr().String() == target.Server.Address {
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
