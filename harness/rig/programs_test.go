package rig

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// programsOf returns the programs of a target, which are closed when the test ends.
func programsOf(t *testing.T, target scenario.Target) *Programs {
	t.Helper()
	p := NewPrograms(Config{Tmp: t.TempDir(), Self: "/bin/harness", StartTimeout: time.Minute}, target)
	t.Cleanup(p.Close)
	return p
}

// printed returns what a client whose command prints the word has written.
func printed(t *testing.T, p *Programs) string {
	t.Helper()
	process, err := p.StartClient(t.Context(), ClientOptions{Address: "127.0.0.1:9", Scenario: "topic/name"})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Close()
	if exit, err := process.WaitExit(t.Context()); err != nil || !exit.Success() {
		t.Fatalf("the client: %v, %v", exit, err)
	}
	text, err := readOutput(process.Stdout())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// printingTarget has a client that prints the word.
func printingTarget(t *testing.T, word string) scenario.Target {
	target := programTarget(t, scenario.Client)
	target.Client.Command = append(target.Client.Command[:1:1], "program-print", word)
	return target
}

// Clients run at the same time: each that asks for {tmp} has a folder of its own.
func TestEachClientHasItsTmp(t *testing.T) {
	p := programsOf(t, printingTarget(t, "{tmp}"))
	first, second := printed(t, p), printed(t, p)
	if first == second {
		t.Errorf("two clients have the folder %s, want one for each", first)
	}
	for _, folder := range []string{first, second} {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() || filepath.Dir(folder) != p.config.Tmp {
			t.Errorf("{tmp} is %s: %v, want a folder below %s", folder, err, p.config.Tmp)
		}
	}
}

func TestClientIsToldWords(t *testing.T) {
	p := programsOf(t, printingTarget(t, "{addr} {host} {port} {scenario} {self} {cert}"))
	if got, want := printed(t, p), "127.0.0.1:9 127.0.0.1 9 topic/name /bin/harness {cert}"; got != want {
		t.Errorf("got %q, want %q: without TLS there is no certificate", got, want)
	}
}

// A server keeps its {tmp} and its {path}, though the socket of a killed one is left there.
func TestServerKeepsItsWords(t *testing.T) {
	target := transportTarget(t, scenario.Unix, "program-unix-server", "{path}")
	target.Server.Env = append(target.Server.Env, "STATE={tmp}")
	p := programsOf(t, target)
	process, first, err := p.StartServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tmp := p.serverTmp
	process.KillTree()
	process.Close()
	if _, err := os.Stat(strings.TrimPrefix(first, "unix:")); err != nil {
		t.Fatalf("the server that was killed has left no socket: %v", err)
	}
	process, second, err := p.StartServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer process.Close()
	if second != first || p.serverTmp != tmp || filepath.Dir(tmp) != p.config.Tmp {
		t.Errorf("got %s and %s, then %s and %s, want the same", first, tmp, second, p.serverTmp)
	}
}

// A server that runs already is no process of ours, and must listen; of UDP nothing tells.
func TestServerAtAnAddress(t *testing.T) {
	for address, want := range map[string]error{"127.0.0.1:1": ErrNotReachable, "unix:/nowhere": ErrNotReachable, "udp:127.0.0.1:1": nil} {
		target := programTarget(t, scenario.Server)
		target.Server = scenario.Peer{Address: address}
		if strings.HasPrefix(address, "udp:") {
			target.Server.Transport = scenario.UDP
		}
		process, at, err := programsOf(t, target).StartServer(t.Context())
		if process != nil || at != address || !errors.Is(err, want) {
			t.Errorf("%s: got %v, %s, %v, want %v", address, process, at, err, want)
		}
	}
}

func TestListenAddress(t *testing.T) {
	target := programTarget(t, scenario.Client)
	if at, err := programsOf(t, target).ListenAddress(); at != "127.0.0.1:0" || err != nil {
		t.Errorf("got %s, %v, want a free port of 127.0.0.1", at, err)
	}
	target.Server.Listen = "::1"
	if at, err := programsOf(t, target).ListenAddress(); at != "[::1]:0" || err != nil {
		t.Errorf("got %s, %v, want a free port of the host that the target names", at, err)
	}
	unix := programsOf(t, transportTarget(t, scenario.Unix, "program-unix-server", "{path}"))
	first, err := unix.ListenAddress()
	second, again := unix.ListenAddress()
	if err != nil || again != nil || first == second || !strings.HasPrefix(first, "unix:"+unix.config.Tmp) {
		t.Errorf("got %s and %s, %v, %v, want two paths", first, second, err, again)
	}
}

// The certificates are made once, and only on TLS.
func TestCertify(t *testing.T) {
	p := programsOf(t, transportTarget(t, scenario.TLS, "program-tls-server", "{port}", "{cert}", "{key}"))
	first, err := p.Certify()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.Certify(); again != first || err != nil {
		t.Errorf("got another certificate, %v", err)
	}
	if got := p.command(p.target.Server).Args[3]; got != first.Files.Certificate {
		t.Errorf("{cert} is %s, want %s", got, first.Files.Certificate)
	}
	if c, err := programsOf(t, programTarget(t, scenario.Server)).Certify(); c != nil || err != nil {
		t.Errorf("without TLS: got %v, %v, want none", c, err)
	}
}
