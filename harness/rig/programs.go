package rig

import (
	"cmp"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// Programs starts the programs of a target: its services, its server and its clients. It knows
// the words that their commands ask for: addresses, {path}, {tmp}, {self} and the certificates.
// A [Testbed] has its own. It is safe for concurrent use.
type Programs struct {
	config   Config
	target   scenario.Target
	services *services
	names    clientNames // of clients, while no fault is about that

	mu         sync.Mutex              // guards what follows
	tls        *scenario.Certification // nil on other transports, and before Certify
	serverTmp  string                  // the server's {tmp}, the same after a restart; empty: it has none yet
	serverPath string                  // the server's {path}, in the same way
}

// NewPrograms returns the programs of a target, none of which runs yet. The caller must Close
// them.
func NewPrograms(c Config, t scenario.Target) *Programs {
	c = c.withDefaults()
	return &Programs{config: c, target: t, services: newServices(c, t)}
}

// clone returns the programs of the target for another testbed, with the same certificates.
func (p *Programs) clone(c Config) *Programs {
	made := NewPrograms(c, p.target)
	made.tls = p.certification()
	return made
}

// Certify reads or makes the certificates of a target on TLS, once, and returns them; nil on
// other transports. Programs that are started before do not know them.
func (p *Programs) Certify() (*scenario.Certification, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tls != nil || p.target.Transport() != scenario.TLS {
		return p.tls, nil
	}
	made, err := scenario.Certify(p.target, p.config.Tmp)
	if err == nil {
		p.tls = made
	}
	return p.tls, err
}

func (p *Programs) certification() *scenario.Certification {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tls
}

// Close stops the services, and waits for them. What StartServer and StartClient have returned
// must be closed before. It may be called more than once.
func (p *Programs) Close() {
	p.services.Close()
	p.names.Close()
}

// ListenAddress returns where the harness can listen for clients of the target: a free port of
// the host that the target names, or "unix:" and a path that nobody has bound.
func (p *Programs) ListenAddress() (string, error) {
	if p.transport() == scenario.Unix {
		return p.config.Shared.book.listenAddress(scenario.Unix)
	}
	return p.listenHost(), nil
}

// listenHost is where the harness listens for clients on TCP and UDP, on a free port.
func (p *Programs) listenHost() string {
	return net.JoinHostPort(cmp.Or(p.target.Server.Listen, "127.0.0.1"), "0")
}

// transport returns what our listeners and connections are of: a server on standard input
// and output is reached by a unix socket.
func (p *Programs) transport() scenario.Transport {
	if t := p.target.Transport(); !t.IsStdio() {
		return t
	}
	return scenario.Unix
}

// command makes the program of a peer, with all words replaced but those that differ from
// start to start.
func (p *Programs) command(of scenario.Peer) peer.Command {
	words := of.Command
	if p.target.Transport().IsStdio() && of.Dialogue == nil {
		words = p.target.ServerCommand().Args
	}
	certificates := p.certification()
	args := peer.ReplaceWords(p.services.Expand(words), "{self}", p.config.Self)
	c := peer.Command{Args: certificates.ExpandWords(args), Dir: p.target.Dir, Env: certificates.ExpandWords(p.services.Expand(of.Env)), Ready: of.Ready, StartTimeout: p.config.StartTimeout}
	if p.transport() == scenario.Unix {
		c.Network = "unix"
	}
	return c
}

// tempFolder returns the folder for {tmp} in the peer's command: one of its own for each
// process that asks for it, for others run at the same time.
func (p *Programs) tempFolder(of scenario.Peer) (string, error) {
	asks := func(word string) bool { return strings.Contains(word, "{tmp}") }
	if !slices.ContainsFunc(of.Command, asks) && !slices.ContainsFunc(of.Env, asks) {
		return p.config.Tmp, nil
	}
	return os.MkdirTemp(p.config.Tmp, "peer-")
}
