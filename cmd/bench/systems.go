package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"

	"github.com/sockharness/harness/harness/proxy"
)

// A system is one way from the client to the server.
type system struct {
	name string
	addr string
	pid  int // of the proxy process; 0: there is none
}

// start starts the server and the proxies, each in a process of its own.
func start(ctx context.Context, toxiproxyPath string) (systems []system, stop func(), err error) {
	var processes []*exec.Cmd
	stop = func() {
		for _, p := range processes {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return nil, stop, err
	}
	spawn := func(name string, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, self, args...)
		addr, err := announced(cmd)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		processes = append(processes, cmd)
		systems = append(systems, system{name: name, addr: addr, pid: cmd.Process.Pid})
		return addr, nil
	}
	server, err := spawn("direct", "-role", "server")
	if err != nil {
		return nil, stop, err
	}
	systems[0].pid = 0
	if _, err = spawn("ours", "-role", "proxy", "-upstream", server); err != nil {
		return nil, stop, err
	}
	if toxiproxyPath == "" {
		return systems, stop, nil
	}
	cmd, addr, err := startToxiproxy(ctx, toxiproxyPath, server)
	if err != nil {
		return nil, stop, err
	}
	processes = append(processes, cmd)
	return append(systems, system{name: "toxiproxy", addr: addr, pid: cmd.Process.Pid}), stop, nil
}

// announced starts a process that says its address in its first line.
func announced(cmd *exec.Cmd) (string, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), err
}

// startToxiproxy starts a toxiproxy-server on a free port with one proxy.
func startToxiproxy(ctx context.Context, path, upstream string) (*exec.Cmd, string, error) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	_, port, _ := net.SplitHostPort(probe.Addr().String())
	probe.Close()
	cmd := exec.CommandContext(ctx, path, "-port", port)
	cmd.Env = append(os.Environ(), "LOG_LEVEL=fatal")
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	client := toxiproxy.NewClient("127.0.0.1:" + port)
	deadline, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		created, err := client.CreateProxy("bench", "127.0.0.1:0", upstream)
		if err == nil {
			return cmd, created.Listen, nil
		}
		select {
		case <-ticker.C:
		case <-deadline.Done():
			return nil, "", errors.Join(fmt.Errorf("toxiproxy-server start: %w", err), cmd.Process.Kill(), cmd.Wait())
		}
	}
}

// forward is the proxy process.
func forward(ctx context.Context, upstream string) error {
	p, err := proxy.New(proxy.Config{Name: "bench", Listen: "127.0.0.1:0", Upstream: upstream})
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	defer p.Close()
	fmt.Println(p.Addr())
	<-ctx.Done()
	return nil
}

// serve is the server process: the first byte of a connection says what it is
// for: e(cho), u(pload), d(ownload).
func serve(ctx context.Context) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	fmt.Println(listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			return nil
		}
		go answer(conn)
	}
}

func answer(conn net.Conn) {
	defer conn.Close()
	mode := make([]byte, 1)
	if _, err := io.ReadFull(conn, mode); err != nil {
		return
	}
	switch mode[0] {
	case 'e':
		_, _ = io.Copy(conn, conn)
	case 'u':
		if download(conn) == nil {
			_, _ = conn.Write(mode)
		}
	case 'd':
		buffer := make([]byte, 256<<10)
		for sent := 0; sent < bulk; sent += len(buffer) {
			if _, err := conn.Write(buffer); err != nil {
				return
			}
		}
	}
}
