package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
)

const toxiproxyName = "toxiproxy"

// spawnToxiproxy starts a toxiproxy-server on a free port.
func spawnToxiproxy(ctx context.Context, path string, flags ...string) (instance, error) {
	addr, err := freeAddr()
	if err != nil {
		return instance{}, err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.CommandContext(ctx, path, append([]string{"-port", port}, flags...)...)
	cmd.Env = append(os.Environ(), "LOG_LEVEL=fatal")
	if err := cmd.Start(); err != nil {
		return instance{}, err
	}
	i := instance{addr: addr, pid: cmd.Process.Pid, stop: stopProcess(cmd)}
	err = awaitAnswer(ctx, func() error {
		_, err := toxiproxy.NewClient(addr).Version()
		return err
	})
	if err != nil {
		i.stop()
	}
	return i, err
}

// toxiproxyAt starts a toxiproxy-server with one proxy.
func toxiproxyAt(path string) func(context.Context, *bench, toxicSetup) (instance, error) {
	return func(ctx context.Context, b *bench, sh toxicSetup) (instance, error) {
		i, err := spawnToxiproxy(ctx, path)
		if err != nil {
			return instance{}, err
		}
		client := toxiproxy.NewClient(i.addr)
		var proxy *toxiproxy.Proxy
		err = awaitAnswer(ctx, func() (err error) {
			proxy, err = client.CreateProxy("bench", "127.0.0.1:0", b.server.addr)
			return err
		})
		if err == nil {
			i.addr, err = proxy.Listen, addToxics(proxy, sh)
		}
		if err != nil {
			i.stop()
			return instance{}, fmt.Errorf("start: %w", err)
		}
		return i, nil
	}
}

func addToxics(p *toxiproxy.Proxy, sh toxicSetup) error {
	for _, stream := range []string{"upstream", "downstream"} {
		if sh.latency == noToxic {
			continue
		}
		if _, err := p.AddToxic("", "latency", stream, 1, toxiproxy.Attributes{"latency": sh.latency}); err != nil {
			return err
		}
	}
	if sh.rate > 0 {
		_, err := p.AddToxic("", "bandwidth", "downstream", 1, toxiproxy.Attributes{"rate": sh.rate})
		return err
	}
	return nil
}
