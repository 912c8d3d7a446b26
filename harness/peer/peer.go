// Package peer is one end of a conversation that is not ours: a process that
// the harness starts, as server or as client, or an address where somebody is
// listening already. A started process is ready when its socket listens and
// over when its last descendant is gone, daemons included.
//
//	command := peer.Command{Args: []string{"python3", "server.py", "{port}"}}
//	process, err := command.StartServer(ctx, peer.Vars{}) // until it listens
//	defer process.Close()                                 // ends all that descends from it
//	addr := process.Address() // "127.0.0.1:10022"
//
// What keeps hold of a process tree: its process group, an environment mark
// and a mark in a resource limit that nobody uses, both inherited by every
// descendant (see mark_linux.go). What keeps hold when the harness itself is
// killed: the guardian (see [StartGuardian]).
package peer

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Command is a program to start, as requested. In Args, Dir, Env and Ready
// the words {host}, {port}, {addr}, {path}, {tmp} and {scenario} are replaced by those
// of [Vars]; other braces stay as they are.
type Command struct {
	Args         []string      // program and arguments, no shell involved
	Network      string        // what a server listens on: "tcp" (also ""), or "unix" for a stream socket with a path
	Dir          string        // working directory; "": ours
	Env          []string      // "KEY=value", in addition to our environment
	Ready        Ready         // zero: a LISTEN socket for servers, nothing for clients
	Grace        time.Duration // from SIGTERM to SIGKILL in Stop; 0: 2 s
	StartTimeout time.Duration // how long it may be idle until it is ready; busy it may be six times that; 0: 10 s
	// OnConnect, if not nil, says what becomes of each connect(2) to an address of TCP that
	// the process and its descendants make, from any goroutine and any number at a time. The
	// process is started through our own binary, whose main must call [GuardianMain] first
	// (seccomp user notification, Linux 5.19). Starting fails with [ErrNoInterception] where
	// that is not permitted.
	OnConnect func(to netip.AddrPort) ConnectReply `json:"-"`
	// Hosts is what the process and its descendants read where they open /etc/hosts (hosts(5)),
	// if it has OnConnect; "": that file.
	Hosts string
	// ResolvConf is the same for /etc/resolv.conf (resolv.conf(5)).
	ResolvConf string
	// OnDatagramConnect is OnConnect for UDP, which is how most programs ask servers of names;
	// nil: the kernel goes on.
	OnDatagramConnect func(to netip.AddrPort) ConnectReply `json:"-"`
	// OnSend, if not nil, says how many bytes a send of the process or a descendant takes: 0, or
	// all of them: what the kernel takes. It needs OnConnect, and costs each send and each write
	// some 40 µs.
	OnSend      func(Send) int `json:"-"`
	OutputLimit int64          // bytes kept of stdout and of stderr each; 0: 64 MiB; later ones are counted and dropped
}

// Ready says what else must be true before a process counts as started. All
// that is given must hold; servers must listen besides, unless NoListen.
type Ready struct {
	Log      string   // regular expression that a line of stdout or stderr matches
	Exec     []string // command that exits with status 0, tried until it does
	NoListen bool     // a server that opens no TCP port: UDP, unix sockets
}

// Vars are the values of the words in braces.
type Vars struct {
	Host     string // "": 127.0.0.1
	Port     string // "" for a server whose command has {port} or {addr}: a free one is picked
	Addr     string // "": Host and Port joined, or "unix:" and Path
	Path     string // of a unix socket, or "@name"; "": the words {path} stay as they are
	Tmp      string // directory for the process and for its spilled output; "": the system's
	Scenario string // id of the scenario, for {scenario}
}

const (
	defaultGrace        = 2 * time.Second
	defaultStartTimeout = 10 * time.Second
	defaultOutputLimit  = 64 << 20
)

// String returns the command as a line that a shell would read as these words.
func (c Command) String() string { return FormatCommand(c.Args) }

func (c Command) graceTimeout() time.Duration { return orDefault(c.Grace, defaultGrace) }

func (c Command) startTimeout() time.Duration { return orDefault(c.StartTimeout, defaultStartTimeout) }

func (c Command) outputLimit() int64 { return orDefault(c.OutputLimit, defaultOutputLimit) }

func orDefault[T time.Duration | int64](value, fallback T) T {
	if value <= 0 {
		return fallback
	}
	return value
}

// TakesPort reports whether the process is told where to listen: its words or its
// environment have {port} or {addr}. Of a server that is not, there may be only
// one at a time.
func (c Command) TakesPort() bool {
	for _, words := range [][]string{c.Args, c.Env} {
		for _, word := range words {
			if strings.Contains(word, "{port}") || strings.Contains(word, "{addr}") {
				return true
			}
		}
	}
	return false
}

// TakesPath reports whether the process is told the path of a unix socket.
func (c Command) TakesPath() bool {
	has := func(word string) bool { return strings.Contains(word, "{path}") }
	return slices.ContainsFunc(c.Args, has) || slices.ContainsFunc(c.Env, has)
}

// TakesAddress reports whether the process is told where to listen, on whichever network.
func (c Command) TakesAddress() bool {
	if c.Network == "unix" {
		return c.TakesPath()
	}
	return c.TakesPort()
}

// expandVars returns the command with all words in braces replaced.
func (c Command) expandVars(v Vars) Command {
	r := v.newReplacer()
	all := func(words []string) []string {
		replaced := make([]string, len(words))
		for i, word := range words {
			replaced[i] = r.Replace(word)
		}
		return replaced
	}
	c.Args, c.Env, c.Dir = all(c.Args), all(c.Env), r.Replace(c.Dir)
	c.Ready.Log = r.Replace(c.Ready.Log)
	c.Ready.Exec = all(c.Ready.Exec)
	return c
}

// programPath returns the path to run: os/exec would look for a relative one in
// our directory and then run it in Dir.
func (c Command) programPath() string {
	name := c.Args[0]
	if c.Dir == "" || filepath.IsAbs(name) || filepath.Base(name) == name {
		return name
	}
	if path, err := filepath.Abs(filepath.Join(c.Dir, name)); err == nil {
		return path
	}
	return name
}

// VarsAt returns the values for a process that listens on the address, or connects to it:
// "127.0.0.1:80", "udp:127.0.0.1:53" or "unix:/run/a.sock".
func VarsAt(address string) Vars {
	if path, unix := strings.CutPrefix(address, "unix:"); unix { // too long a one, too: what a program makes of it may be the question
		return Vars{Path: path, Addr: address}
	}
	address = strings.TrimPrefix(address, "udp:")
	host, port, _ := net.SplitHostPort(address)
	return Vars{Host: host, Port: port, Addr: address}
}

func (v Vars) withDefaults() Vars {
	if v.Path != "" {
		if v.Addr == "" {
			v.Addr = "unix:" + v.Path
		}
		return v
	}
	if v.Host == "" {
		v.Host = "127.0.0.1"
	}
	if v.Addr == "" && v.Port != "" {
		v.Addr = net.JoinHostPort(v.Host, v.Port)
	}
	if v.Port == "" && v.Addr != "" {
		if host, port, err := net.SplitHostPort(v.Addr); err == nil {
			v.Host, v.Port = host, port
		}
	}
	return v
}

func (v Vars) newReplacer() *strings.Replacer {
	words := []string{"{host}", v.Host, "{port}", v.Port, "{addr}", v.Addr, "{tmp}", v.Tmp, "{scenario}", v.Scenario}
	if v.Path != "" {
		words = append(words, "{path}", v.Path)
	}
	return strings.NewReplacer(words...)
}

// StartClient starts the command as a client and returns once it runs (and is
// ready, where Ready says something). The context bounds the start only. The
// caller must end the process with [Process.Close]. Errors are of type *[Error].
func (c Command) StartClient(ctx context.Context, v Vars) (*Process, error) {
	v = v.withDefaults()
	if c.TakesPort() && v.Addr == "" {
		return nil, &Error{Op: "client", Command: c, Err: errNoAddress}
	}
	p, err := startProcess(ctx, "client", c, v)
	if err != nil {
		return nil, err
	}
	if c.Ready.Log == "" && len(c.Ready.Exec) == 0 {
		return p, nil
	}
	return p.awaitReady(ctx, p.awaitProbes)
}

// StartServer starts the command as a server and blocks until it listens (and
// is ready, where Ready says more), until nothing is left of the process, or
// until StartTimeout. The context bounds the start only. When the command asks
// for {port} and v names none, one is picked, and the start is tried again
// when a stranger took it first. The caller must end the process with
// [Process.Close]. Errors are of type *[Error]; after one nothing is left.
func (c Command) StartServer(ctx context.Context, v Vars) (*Process, error) {
	v = v.withDefaults()
	if c.Network == "unix" && c.TakesPath() && v.Path == "" {
		return nil, &Error{Op: "server", Command: c, Err: errNoPath}
	}
	if c.Network == "unix" || !c.TakesPort() || v.Port != "" {
		return c.startServer(ctx, v, func() {})
	}
	return c.startOnFreePort(ctx, v)
}
