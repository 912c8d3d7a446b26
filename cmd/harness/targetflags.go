package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// target builds the one target that the flags describe.
func (f *targetFlags) target() (scenario.Target, error) {
	t := scenario.Target{Dir: "."}
	if err := f.peers(&t); err != nil {
		return t, err
	}
	if err := f.role(&t); err != nil {
		return t, err
	}
	if t.Server.Dialogue != nil && t.Client.Dialogue != nil {
		return t, usage("give --server or --client: something must be under test")
	}
	if err := t.Check(); err != nil {
		return t, usage("%v", err)
	}
	return t, nil
}

func (f *targetFlags) peers(t *scenario.Target) error {
	script, err := f.script()
	if err != nil {
		return err
	}
	if t.Server, err = f.peer("server", f.server, script); err != nil {
		return err
	}
	if t.Client, err = f.peer("client", f.client, script); err != nil {
		return err
	}
	if script == nil && (f.server == "" || f.client == "") {
		return usage("nobody to talk to: give --dialogue FILE, or --send and --expect, or both --server and --client")
	}
	if script != nil && f.server != "" && f.client != "" {
		return usage("--server and --client talk to each other: leave out --dialogue, --send and --expect")
	}
	return nil
}

// peer is the command or the address of a flag, or the dialogue without one.
func (f *targetFlags) peer(role, text string, script *scenario.Source) (scenario.Peer, error) {
	if text == "" {
		return scenario.Peer{Dialogue: script}, nil
	}
	if host, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.Atoi(port); err == nil && n > 65535 {
			return scenario.Peer{}, usage("--%s %s: %s has no port %s, they end at 65535", role, text, host, port)
		}
	}
	if isAddress(text) {
		if role == "client" {
			return scenario.Peer{}, usage("--client %s: a client connects, so it has no address; give a command", text)
		}
		return scenario.Peer{Address: text}, nil
	}
	words, err := peer.ParseCommand(text)
	if err != nil {
		return scenario.Peer{}, usage("--%s: %v", role, err)
	}
	return scenario.Peer{Command: words}, nil
}

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, " /{") {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

// role decides who is under test and names the target after it.
func (f *targetFlags) role(t *scenario.Target) error {
	t.Test = scenario.Role(f.test)
	switch {
	case f.test == "" && f.server != "" && f.client != "":
		t.Test = scenario.Both
	case f.test == "" && f.server != "":
		t.Test = scenario.Server
	case f.test == "":
		t.Test = scenario.Client
	case f.test != "server" && f.test != "client" && f.test != "both":
		return usage("--test %q: want server, client or both", f.test)
	case t.Tests(scenario.Server) && f.server == "":
		return usage("--test %s: give --server", f.test)
	case t.Tests(scenario.Client) && f.client == "":
		return usage("--test %s: give --client", f.test)
	}
	t.Name = string(t.Test)
	if t.Test == scenario.Both {
		t.Name = "server+client"
	}
	return nil
}

// script is the dialogue of --dialogue or of --send and --expect, or nil.
func (f *targetFlags) script() (*scenario.Source, error) {
	short := len(f.send)+len(f.expect) > 0
	switch {
	case f.dialogue != "" && short:
		return nil, usage("--dialogue and --send, --expect exclude each other")
	case f.dialogue != "":
		text, err := os.ReadFile(f.dialogue)
		if err != nil {
			return nil, usage("--dialogue: %v", err)
		}
		s := &scenario.Source{File: f.dialogue, Text: text}
		if _, err := s.Parse(); err != nil {
			return nil, usage("%s", configMessage(f.dialogue, err))
		}
		return s, nil
	case short:
		s := &scenario.Source{Send: f.send, Expect: f.expect, Await: f.server != "" && f.client == ""}
		if _, err := s.Parse(); err != nil {
			return nil, usage("%v", err)
		}
		return s, nil
	}
	return nil, nil
}

// again repeats the flags that describe the target of the given name.
func (f *targetFlags) again(name string) string {
	var b strings.Builder
	add := func(flag string, values ...string) {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(&b, " --%s %s", flag, quote(v))
			}
		}
	}
	if !f.fromFlags() {
		file := f.config
		if file == "" {
			file = nearest()
		}
		if wd, err := os.Getwd(); err == nil && filepath.IsAbs(file) {
			if relative, err := filepath.Rel(wd, file); err == nil {
				file = relative
			}
		}
		add("config", file)
		add("target", name)
		return b.String()
	}
	add("server", f.server)
	add("client", f.client)
	add("dialogue", f.dialogue)
	add("send", f.send...)
	add("expect", f.expect...)
	add("test", f.test)
	return b.String()
}

// quote writes a word as a shell reads it.
func quote(word string) string { return peer.FormatCommand([]string{word}) }
