package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	directName = "direct"
	ourName    = "harness"
)

// noToxic is a latency that is not there; 0 would be a toxic.
const noToxic = -1

// A toxicSetup is what a proxy does to its connections.
type toxicSetup struct {
	latency int // ms in either direction, or noToxic
	rate    int // KB/s downstream; 0: no limit
	micros  int // µs in either direction, instead of latency; 0: none
}

var (
	plain   = toxicSetup{latency: noToxic}
	delayed = toxicSetup{latency: 1}
	exact   = toxicSetup{latency: 10}
	fine    = toxicSetup{latency: noToxic, micros: 200} // toxiproxy-server has whole milliseconds
)

// A system is one way from the client to the server.
type system struct {
	name   string
	shapes bool // has toxics
	start  func(context.Context, *bench, toxicSetup) (instance, error)
}

// An instance is a system that runs.
type instance struct {
	addr string
	pid  int // of the proxy process; 0: there is none
	stop func()
}

// A bench is what is compared, and what runs of it.
type bench struct {
	systems []system
	server  instance
	self    string    // this program
	load    string    // the clients and the server
	folder  string    // of configuration files
	others  []float64 // share of the machine that other programs have used, of each measurement

	toxiproxy string // path of toxiproxy-server, or ""
	active    map[string]instance
}

// openBench starts the server and says which proxies there are to compare.
func openBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{active: map[string]instance{}, toxiproxy: o.toxiproxy}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.folder, err = os.MkdirTemp("", "bench"); err != nil {
		return nil, err
	}
	if b.load, err = buildLoad(ctx, b.folder); err == nil {
		b.server, err = spawnProcess(ctx, b.load, "serve")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server: %w", err), os.RemoveAll(b.folder))
	}
	b.systems = []system{{name: directName, start: directInstance}, {name: ourName, shapes: true, start: ownInstance},
		{name: serveName, shapes: true, start: serveInstance(false)}, {name: serveName + ", events read", shapes: true, start: serveInstance(true)}}
	if o.toxiproxy != "" {
		b.systems = append(b.systems, system{name: toxiproxyName, shapes: true, start: toxiproxyAt(o.toxiproxy)})
	}
	for _, s := range debianProxies() {
		if path, err := findFile(s.needs...); err == nil {
			b.systems = append(b.systems, system{name: s.name, start: s.starterFor(path)})
		} else {
			fmt.Fprintf(os.Stderr, "####\n#### NOT COMPARED: %s: %v. As root, make tools installs it.\n####\n", s.name, err)
		}
	}
	return b, nil
}

func (b *bench) closeAll() {
	for _, i := range b.active {
		i.stop()
	}
	b.server.stop()
	_ = os.RemoveAll(b.folder)
}

// runningInstance returns the instance of a system that has the shape, and starts it at
// the first call.
func (b *bench) runningInstance(ctx context.Context, s system, sh toxicSetup) (instance, error) {
	key := fmt.Sprint(s.name, sh)
	if i, ok := b.active[key]; ok {
		return i, nil
	}
	i, err := s.start(ctx, b, sh)
	if err == nil {
		b.active[key] = i
	}
	return i, err
}

// directInstance is no proxy at all.
func directInstance(_ context.Context, b *bench, _ toxicSetup) (instance, error) {
	return instance{addr: b.server.addr, stop: func() {}}, nil
}

// ownInstance is the harness's proxy in a process of its own.
func ownInstance(ctx context.Context, b *bench, sh toxicSetup) (instance, error) {
	return spawnProcess(ctx, b.self, "-role", "proxy", "-upstream", b.server.addr,
		"-latency", fmt.Sprint(sh.latency), "-rate", fmt.Sprint(sh.rate), "-micros", fmt.Sprint(sh.micros))
}

// spawnProcess starts a process that says its address in its first line.
func spawnProcess(ctx context.Context, path string, args ...string) (instance, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return instance{}, err
	}
	if err := cmd.Start(); err != nil {
		return instance{}, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return instance{}, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return instance{addr: strings.TrimSpace(line), pid: cmd.Process.Pid, stop: stopProcess(cmd)}, nil
}

func stopProcess(cmd *exec.Cmd) func() {
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// freeAddr returns an address whose port was free a moment ago.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// awaitAnswer asks again and again until the answer is no error.
func awaitAnswer(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}
