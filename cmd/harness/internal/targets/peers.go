package targets

import (
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// flagTarget builds the one target that the flags describe.
func (f *Flags) flagTarget() (scenario.Target, error) {
	t := scenario.Target{Dir: "."}
	if err := f.readPeers(&t); err != nil {
		return t, err
	}
	if err := f.chooseRole(&t); err != nil {
		return t, err
	}
	if f.server == "" && f.client == "" {
		return t, cli.UsageErrorf("no program to test: give --server or --client")
	}
	if err := t.CheckConsistency(); err != nil {
		return t, cli.UsageErrorf("%v", err)
	}
	return t, nil
}

func (f *Flags) readPeers(t *scenario.Target) error {
	script, err := f.readDialogue()
	if err != nil {
		return err
	}
	if t.Server, err = f.readPeer("server", f.server, script); err != nil {
		return err
	}
	if t.Client, err = f.readPeer("client", f.client, script); err != nil {
		return err
	}
	t.Client.ConnectsTo = f.connectsTo
	if err := f.setTransport(t); err != nil {
		return err
	}
	if script != nil && f.server != "" && f.client != "" {
		return cli.UsageErrorf("--server and --client are connected to each other; remove --dialogue, --send and --expect")
	}
	return nil
}

// readPeer is the command or the address of a flag, or the dialogue without one.
func (f *Flags) readPeer(role, text string, script *scenario.Source) (scenario.Peer, error) {
	if text == "" {
		return scenario.Peer{Dialogue: script}, nil
	}
	if host, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.Atoi(port); err == nil && n > 65535 {
			return scenario.Peer{}, cli.UsageErrorf("--%s %s: %s has no port %s; the highest is 65535", role, text, host, port)
		}
	}
	if _, _, err := sock.ParseAddress(text); err != nil && strings.HasPrefix(text, "unix:") {
		return scenario.Peer{}, cli.UsageErrorf("--%s: %v", role, err)
	}
	if isAddress(text) {
		if role == "client" {
			return scenario.Peer{}, cli.UsageErrorf("--client %s: a client makes connections, so it cannot be an address; give a command", text)
		}
		return scenario.Peer{Address: text}, nil
	}
	words, err := peer.ParseCommand(text)
	if err != nil {
		return scenario.Peer{}, cli.UsageErrorf("--%s: %v", role, err)
	}
	return scenario.Peer{Command: words}, nil
}

func isAddress(text string) bool {
	if network, _, err := sock.ParseAddress(text); err == nil && network == "unix" {
		return true
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, " /{") {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

// chooseRole decides who is under test and names the target after it.
func (f *Flags) chooseRole(t *scenario.Target) error {
	t.Test = scenario.Role(f.test)
	switch {
	case f.test == "" && f.server != "" && f.client != "":
		t.Test = scenario.Both
	case f.test == "" && f.server != "":
		t.Test = scenario.Server
	case f.test == "":
		t.Test = scenario.Client
	case f.test != "server" && f.test != "client" && f.test != "both":
		return cli.UsageErrorf("--test %q: want server, client or both", f.test)
	case t.TestsRole(scenario.Server) && f.server == "":
		return cli.UsageErrorf("--test %s: give --server", f.test)
	case t.TestsRole(scenario.Client) && f.client == "":
		return cli.UsageErrorf("--test %s: give --client", f.test)
	}
	t.Name = string(t.Test)
	if t.Test == scenario.Both {
		t.Name = "server+client"
	}
	return nil
}

// readDialogue is the dialogue of --dialogue or of --send and --expect, or nil.
func (f *Flags) readDialogue() (*scenario.Source, error) {
	short := len(f.send)+len(f.expect) > 0
	switch {
	case f.dialogue != "" && short:
		return nil, cli.UsageErrorf("--dialogue cannot be combined with --send and --expect")
	case f.dialogue != "":
		text, err := os.ReadFile(f.dialogue)
		if err != nil {
			return nil, cli.UsageErrorf("--dialogue: %v", err)
		}
		s := &scenario.Source{File: f.dialogue, Text: text}
		if err := s.Check(); err != nil {
			return nil, cli.UsageErrorf("%s", ConfigMessage(f.dialogue, err))
		}
		return s, nil
	case short:
		s := &scenario.Source{Send: f.send, Expect: f.expect, Await: f.server != "" && f.client == "", Framing: f.framing}
		if _, err := s.ParseDialogue(); err != nil {
			return nil, cli.UsageErrorf("%v", err)
		}
		return s, nil
	}
	return nil, nil
}

// setTransport says what --transport does.
func (f *Flags) setTransport(t *scenario.Target) error {
	if f.transport == "" {
		return nil
	}
	transport := scenario.Transport(f.transport)
	if !slices.Contains(scenario.Transports(), transport) {
		return cli.UsageErrorf("--transport %q: want %s", f.transport, strings.Join(transportNames(), ", "))
	}
	t.Server.Transport = transport
	return nil
}

func transportNames() []string {
	var names []string
	for _, t := range scenario.Transports() {
		names = append(names, string(t))
	}
	return names
}
