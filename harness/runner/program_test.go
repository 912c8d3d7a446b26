package runner

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// TestMain is the programs under test too: the test binary starts itself as server
// or client, which takes 20 ms where python3 takes up to three seconds.
func TestMain(m *testing.M) {
	peer.LauncherMain()
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "program-server":
			os.Exit(serverProgram(os.Args[2]))
		case "program-client":
			os.Exit(clientProgram(os.Args[2]))
		case "program-udp-server":
			os.Exit(udpServerProgram(os.Args[2]))
		case "program-udp-client":
			os.Exit(udpClientProgram(os.Args[2]))
		case "program-telling":
			os.Exit(tellingServer(os.Args[2]))
		case "program-status":
			os.Exit(statusClient(os.Args[2], os.Args[3]))
		case "program-leaving":
			os.Exit(leavingClient(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

// serverProgram answers lines in upper case until SIGTERM.
func serverProgram(port string) int {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	listener, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("listening")
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
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	defer conn.Close()
	for _, line := range []string{"hello\n", "world\n"} {
		answer := make([]byte, len(line))
		_, err := io.WriteString(conn, line)
		if err == nil {
			_, err = io.ReadFull(conn, answer)
		}
		if err != nil || !bytes.HasSuffix(answer, []byte("\n")) {
			fmt.Fprintln(os.Stderr, "incomplete answer")
			return 1
		}
		os.Stdout.Write(answer)
	}
	return 0
}

// programTarget is the server program under test, or the client program where role says so.
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
	return scenario.Target{Name: "server", Server: scenario.Peer{Command: []string{self, "program-server", "{port}"}, Env: env}, Client: source, Test: role}
}

// runPrograms runs one variant with a fault on a program of ours.
func runPrograms(t *testing.T, role scenario.Role, v scenario.Variant) outcome.Result {
	t.Helper()
	s := playing(v)
	s.Roles = []scenario.Role{role}
	return play1(t, programTarget(t, role), s)
}

func TestClientProgramIsControlledAndJudged(t *testing.T) {
	cut := scenario.Variant{Name: "cut", Faults: []spec.Spec{scenario.SplitAt(event.Downstream, 3)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}}
	want(t, runPrograms(t, scenario.Client, cut), outcome.Pass)

	ended := scenario.Variant{Name: "ended", Faults: []spec.Spec{scenario.FaultAt("half_close", event.Downstream, 3, nil)},
		Expect: []scenario.Expectation{scenario.ReportsFailure()}}
	want(t, runPrograms(t, scenario.Client, ended), outcome.Pass)

	ended.Expect = []scenario.Expectation{scenario.ExpectCompletion()}
	want(t, runPrograms(t, scenario.Client, ended), outcome.Fail, "the client exited with status 1")
}

// A failure of a server that can run twice is confirmed on processes of its own.
func TestServerProgramIsConfirmedOnClones(t *testing.T) {
	v := scenario.Variant{Name: "cut", Faults: []spec.Spec{scenario.SplitAt(event.Upstream, 3)}, Expect: []scenario.Expectation{scenario.EndsBy(event.Reset)}}
	r := runPrograms(t, scenario.Server, v)
	want(t, r, outcome.Fail)
	if r.Share == nil || r.Share.Failed != 3 {
		t.Errorf("got confirmation %+v, want 3 of 3", r.Share)
	}
}

// If state outlives a conversation, each variant gets a fresh process.
func TestServerProgramWithStateIsStartedAfresh(t *testing.T) {
	target := programTarget(t, scenario.Server)
	target.State = scenario.StateProcess
	want(t, play1(t, target, splitting(2)), outcome.Pass)
}

// A proxy that refuses at first accepts after the variant's time: the third attempt of the client
// succeeds, or the client reports that it was refused.
func TestClientProgramMeetsAProxyThatAcceptsLater(t *testing.T) {
	v := scenario.Variant{Name: "late", AcceptMode: scenario.Refusing, AcceptAfter: 10 * time.Millisecond, Expect: []scenario.Expectation{scenario.FailsOrRecovers()}}
	if r := runPrograms(t, scenario.Client, v); r.Verdict != outcome.Pass && r.Verdict != outcome.Invalid {
		t.Errorf("got %+v, want that the client recovers or fails", r)
	}
}

func TestCountVariants(t *testing.T) {
	n, known, err := CountVariants(Config{Seed: 1, Budget: 20 * time.Second}, programTarget(t, scenario.Server), splitting(2))
	if n != 1 || !known || err != nil {
		t.Errorf("got %d variants, known %v, %v; want the one of the scenario", n, known, err)
	}
}

func TestCauseNamesTheCallThatHangs(t *testing.T) {
	o := scenario.Observation{StuckIn: "python3 in recvfrom", Played: &dialogue.Played{}}
	if got := withPlace(missingPart(o), o); got != "no answer: hang: python3 in recvfrom" {
		t.Errorf("a server that does not answer: got %q", got)
	}
	o.Client = &scenario.Run{}
	if got := missingPart(o); got != "client does not end" {
		t.Errorf("a client: got %q", got)
	}
}
