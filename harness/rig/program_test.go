package rig

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/fixtures/reference"
	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// TestMain is the programs under test too: the test binary starts itself as server
// or client, which takes 20 ms where python3 takes up to three seconds.
func TestMain(m *testing.M) {
	peer.LauncherMain()
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "reference":
			os.Exit(reference.Main(os.Args[2:], os.Stdout, os.Stderr))
		case "program-print":
			fmt.Println(os.Args[2])
			os.Exit(0)
		case "program-client":
			os.Exit(clientProgram(os.Args[2]))
		case "program-unix-server":
			os.Exit(serveListener(net.Listen("unix", os.Args[2])))
		case "program-tls-server":
			os.Exit(tlsServerProgram(os.Args[2:]))
		case "program-holding":
			os.Exit(holdingClient(os.Args[2:]))
		}
	}
	os.Exit(m.Run())
}

// clientProgram sends the lines of conversation and prints the answers; it tries a refused
// connect three times.
func clientProgram(address string) int {
	var dialer net.Dialer
	dialer.SetMultipathTCP(false)
	conn, err := dialer.Dial("tcp", address)
	for range 2 {
		if err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond) // the pause between two attempts is the subject
		conn, err = dialer.Dial("tcp", address)
	}
	if err != nil {
		return 3
	}
	defer conn.Close()
	for _, line := range []string{"hello\n", "world\n"} {
		if err := exchange(conn, line); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// serveListener answers what it reads until it is killed.
func serveListener(listener net.Listener, err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
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

// holdingClient connects to addresses and keeps the connections.
func holdingClient(addresses []string) int {
	for _, address := range addresses {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return 1
		}
		defer conn.Close()
	}
	select {}
}

const conversation = `dialogue: upper
framing: line
exchanges:
  - send: "hello\n"
    expect: "HELLO\n"
  - send: "world\n"
    expect: "WORLD\n"
end: client closes
`

// programTarget is the reference server under test, or the client program where role says so.
func programTarget(t *testing.T, role scenario.Role) scenario.Target {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"GORACE=atexit_sleep_ms=0"} // else a program with the race detector sleeps for a second before it exits
	source := scenario.Peer{Dialogue: &scenario.Source{File: "upper.yaml", Text: []byte(conversation)}}
	if role == scenario.Client {
		return scenario.Target{Name: "client", Server: source, Client: scenario.Peer{Command: []string{self, "program-client", "{addr}"}, Env: env}, Test: role}
	}
	return scenario.Target{Name: "server", Server: scenario.Peer{Command: []string{self, "reference", "server", "line", "127.0.0.1", "{port}"}, Env: env}, Client: source, Test: role}
}

// transportTarget is a program of this test binary under test.
func transportTarget(t *testing.T, transport scenario.Transport, words ...string) scenario.Target {
	t.Helper()
	target := programTarget(t, scenario.Server)
	target.Server.Command = append(target.Server.Command[:1:1], words...)
	target.Server.Transport = transport
	return target
}

// playOn starts the peers, holds the conversation without a fault, and runs the variant.
func playOn(t *testing.T, target scenario.Target, v scenario.Variant) scenario.Observation {
	t.Helper()
	b := NewTestbed(Config{Seed: 1, Tmp: t.TempDir(), StartTimeout: time.Minute}, target)
	defer b.Close()
	if err := b.Start(t.Context()); err != nil {
		t.Fatalf("start: %v", err)
	}
	control, err := b.HoldControl(t.Context())
	if err != nil {
		t.Fatalf("control: %v", err)
	}
	b.SetConversation(control.Conversation)
	c := scenario.Case{Target: target, Role: target.Test, Conversation: control.Conversation, Budget: 2 * time.Minute}
	o, _, err := b.Play(t.Context(), c, v, Options{Scenario: "test/scenario", Script: control.Conversation.Script, SpinAfter: await.SpinTime})
	if err != nil {
		t.Fatalf("variant: %v", err)
	}
	return o
}

// runCode runs a variant whose own code is run, which must return no error.
func runCode(t *testing.T, role scenario.Role, v scenario.Variant, run func(ctx context.Context, rig scenario.Rig) error) {
	t.Helper()
	runCodeOn(t, programTarget(t, role), v, run)
}

// runCodeOn is runCode on a target.
func runCodeOn(t *testing.T, target scenario.Target, v scenario.Variant, run func(ctx context.Context, rig scenario.Rig) error) {
	t.Helper()
	ran := false
	v.Run = func(ctx context.Context, rig scenario.Rig) error {
		ran = true
		return run(ctx, rig)
	}
	if o := playOn(t, target, v); o.RunError != nil || o.AfterErr != nil || o.Crash != nil {
		t.Errorf("got %v, afterwards %v, exit %v; want that the scenario's own code passes", o.RunError, o.AfterErr, o.Crash)
	}
	if !ran {
		t.Error("the scenario's own code did not run")
	}
}

// upper answers lines in upper case.
func upper(conn net.Conn) {
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if _, err := conn.Write(bytes.ToUpper(line)); err != nil {
			return
		}
	}
}

// exchange sends a line and reads as many bytes as it has.
func exchange(conn io.ReadWriter, line string) error {
	if _, err := io.WriteString(conn, line); err != nil {
		return err
	}
	answer := make([]byte, len(line))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != strings.ToUpper(line) {
		return fmt.Errorf("got %q, %v, want %q", answer, err, strings.ToUpper(line))
	}
	return nil
}
