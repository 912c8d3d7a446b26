package scenario

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sock"
)

// A Transport carries a conversation.
type Transport string

// The transports.
const (
	TCP  Transport = "tcp"  // IPv4 or IPv6
	TLS  Transport = "tls"  // over TCP
	Unix Transport = "unix" // stream sockets with a path or an abstract name
	// Pipes are the standard input and output of a server, which is started once for each
	// connection.
	Pipes Transport = "pipes"
	// Socketpair is the same with one unix stream socket for both, as inetd gives it.
	Socketpair Transport = "socketpair"
	// UDP carries datagrams: each request and each reply of the dialogue is one.
	UDP Transport = "udp"
)

// Transports returns all transports, in the order of pages.
func Transports() []Transport { return []Transport{TCP, TLS, Unix, Pipes, Socketpair, UDP} }

// IsStdio reports whether it is the standard input and output of a server, which is started
// once for each connection.
func (t Transport) IsStdio() bool { return t == Pipes || t == Socketpair }

func transportNames() []string {
	var names []string
	for _, t := range Transports() {
		names = append(names, string(t))
	}
	return names
}

// Transport returns what carries the target's conversation: what a peer declares, else
// what its address or its command says, else TCP.
func (t Target) Transport() Transport {
	peers := [...]*Peer{&t.Server, &t.Client}
	for _, p := range peers {
		if p.Transport != "" {
			return p.Transport
		}
	}
	switch network, _, err := sock.ParseAddress(t.Server.Address); {
	case err != nil:
	case network == "unix":
		return Unix
	case network == "udp":
		return UDP
	}
	for _, p := range peers {
		if p.takesPath() {
			return Unix
		}
	}
	if t.StartsTLS() || t.SecuresData() || t.TLS != nil || t.Server.takesTLSFile() || t.Client.takesTLSFile() {
		return TLS
	}
	return TCP
}

// ServerCommand returns the command of a server that is a program, with the network that
// it listens on. The words in braces are as they were written.
func (t Target) ServerCommand() peer.Command {
	c := peer.Command{Args: t.Server.Command, Dir: t.Dir, Env: t.Server.Env, Ready: t.Server.Ready}
	switch t.Transport() {
	case Unix:
		c.Network = "unix"
	case Pipes, Socketpair:
		c.Network, c.Args = "unix", t.stdioCommand()
	}
	return c
}

// stdioCommand returns the command that runs a server on standard input and output for
// each connection to a unix socket.
func (t Target) stdioCommand() []string {
	if len(t.Server.Command) == 0 {
		return nil
	}
	return append([]string{"{self}", string(t.Transport()), "{path}"}, t.Server.Command...)
}

func (p Peer) takesPath() bool { return peer.Command{Args: p.Command, Env: p.Env}.TakesPath() }

func (p Peer) takesPort() bool { return peer.Command{Args: p.Command, Env: p.Env}.TakesPort() }

// stdioTopics are the topics that mean something where each connection has a process of its
// own and no socket: the others are about listening, accepting and sharing.
var stdioTopics = [...]string{"partialsend", "eof", "halfclose", "reset", "timeout", "framing"}

// carriedBy reports whether the scenario means something on a transport.
func (s Scenario) carriedBy(t Transport) bool {
	if len(s.Transports) == 0 && t.IsStdio() {
		return slices.Contains(stdioTopics[:], s.TopicName())
	}
	if len(s.Transports) == 0 && t == UDP {
		return false
	}
	return len(s.Transports) == 0 || slices.Contains(s.Transports, t) || t == TLS && slices.Contains(s.Transports, TCP)
}

// checkTransport tells what about a target contradicts its transport.
func (t Target) checkTransport() error {
	if err := t.checkEOF(); err != nil {
		return err
	}
	if a := t.Server.Address; a != "" {
		if err := sock.CheckAddress(a, false); err != nil {
			return fmt.Errorf("address %q: %w", a, trimAddress(err, a))
		}
	}
	network, _, _ := sock.ParseAddress(t.Server.Address)
	switch transport := t.Transport(); {
	case t.StartsTLS() && transport != TLS:
		return fmt.Errorf("the dialogue begins TLS (tls: start), and the transport is %s; delete transport, or write transport: tls", transport)
	case t.SecuresData() && transport != TLS:
		return fmt.Errorf("a data connection of the dialogue begins TLS (tls: start), and the transport is %s; delete transport, or write transport: tls", transport)
	case transport == UDP && network == "unix":
		return fmt.Errorf("transport: udp, and the address is %s; give udp:HOST:PORT", t.Server.Address)
	case transport == UDP:
		return t.checkDatagrams()
	case network == "udp":
		return fmt.Errorf("transport: %s, and the address is %s", transport, t.Server.Address)
	case transport == Unix && network == "tcp":
		return fmt.Errorf("transport: unix, and the address %s is of TCP; give unix:PATH", t.Server.Address)
	case (transport == TCP || transport == TLS) && network == "unix":
		return fmt.Errorf("transport: %s, and the address is %s", transport, t.Server.Address)
	case transport == TLS:
		return t.checkTLS()
	case t.TLS != nil:
		return fmt.Errorf("tls: the transport is %s; delete one of them", transport)
	case transport == Unix:
		return t.checkUnixCommands()
	case transport.IsStdio():
		return t.checkStdio()
	}
	return nil
}

// checkUnixCommands finds commands that ask for a port although the server has a path.
func (t Target) checkUnixCommands() error {
	for role, p := range map[Role]Peer{Server: t.Server, Client: t.Client} {
		if p.takesPort() && !p.takesPath() && slices.ContainsFunc(append(slices.Clone(p.Command), p.Env...), func(w string) bool { return strings.Contains(w, "{port}") }) {
			return fmt.Errorf("the %s's command has {port}, and the conversation is held on a unix socket; write {path}", role)
		}
	}
	return nil
}

// checkStdio finds what a server on standard input and output cannot have.
func (t Target) checkStdio() error {
	switch transport := t.Transport(); {
	case len(t.Server.Command) == 0 || t.Test != Server || t.Client.Dialogue == nil && !t.Client.Absent():
		return fmt.Errorf("transport: %s is for a server under test that the harness starts; give server a command and client a dialogue", transport)
	case t.Server.takesPort() || t.Server.takesPath():
		return fmt.Errorf("transport: %s: the server reads its standard input, so its command has no use for {port}, {addr} or {path}", transport)
	}
	return nil
}

// HalfClose returns what the server declares to do when its client has sent FIN and still
// reads; on standard input and output, what the end of the input means to it.
func (t Target) HalfClose() HalfClose {
	switch t.Policies.EOF {
	case EOFDone:
		return HalfCloseAnswers
	case EOFGone:
		return HalfCloseCloses
	}
	return t.Policies.HalfClose
}

// DeclareAnswer is the line of YAML by which the server declares to answer after that FIN.
func (t Target) DeclareAnswer() string {
	if t.Transport().IsStdio() {
		return "policies: {eof: done}"
	}
	return "policies: {half_close: answer}"
}

// checkEOF finds what the policy of that name contradicts.
func (t Target) checkEOF() error {
	p := t.Policies
	switch {
	case p.EOF == EOFUndeclared:
		return nil
	case !t.Transport().IsStdio():
		return errors.New("policies: eof is for servers on standard input and output (transport: pipes or socketpair); declare half_close")
	case p.HalfClose != HalfCloseUndeclared:
		return errors.New("policies: eof and half_close say the same of a server on standard input and output; keep eof")
	}
	return nil
}

// trimAddress is an error without the address, which the message has.
func trimAddress(err error, address string) error {
	return errors.New(strings.TrimPrefix(err.Error(), fmt.Sprintf("address %q: ", address)))
}

// resolvePath makes the relative path of a unix socket one from a folder.
func resolvePath(address, folder string) string {
	network, path, err := sock.ParseAddress(address)
	if err != nil || network != "unix" || filepath.IsAbs(path) || strings.HasPrefix(path, "@") || folder == "." {
		return address
	}
	return "unix:" + filepath.Join(folder, path)
}

// checkDatagrams finds what a conversation over UDP cannot have.
func (t Target) checkDatagrams() error {
	for role, p := range map[Role]Peer{Server: t.Server, Client: t.Client} {
		if p.takesPath() {
			return fmt.Errorf("transport: udp, and the %s's command has {path}; write {port}", role)
		}
	}
	d, err := t.ParseDialogue()
	if err != nil || d == nil {
		return nil // told where the dialogue was read
	}
	return d.CheckDatagrams()
}

// DatagramServer returns the address of a server of datagrams that runs already, as
// HOST:PORT.
func (t Target) DatagramServer() string { return strings.TrimPrefix(t.Server.Address, "udp:") }
