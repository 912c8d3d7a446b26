package main

import (
	"context"
	"fmt"
)

const serveName = ourName + " serve"

// serveInstance starts a daemon with one proxy. Its events are kept, and sent to somebody
// who reads them if so asked.
func serveInstance(read bool) func(context.Context, *bench, toxicSetup) (instance, error) {
	return func(ctx context.Context, b *bench, sh toxicSetup) (instance, error) {
		i, err := spawnProcess(ctx, b.self, "-role", "daemon")
		if err != nil {
			return i, err
		}
		d := &daemonClient{url: "http://" + i.addr, pid: i.pid}
		stop := i.stop
		if read {
			leave, err := readEndlessly(i.addr, "/events")
			if err != nil {
				i.stop()
				return i, err
			}
			i.stop = func() { leave(); stop() }
		}
		if i.addr, err = d.createBench(ctx, b.server.addr, sh); err != nil {
			i.stop()
			return i, fmt.Errorf("start: %w", err)
		}
		return i, nil
	}
}

// createBench creates the proxy and its toxics, and returns where it listens.
func (d *daemonClient) createBench(ctx context.Context, upstream string, sh toxicSetup) (string, error) {
	addr, err := freeAddr()
	if err != nil {
		return "", err
	}
	if err := d.call(ctx, "POST", "/proxies", map[string]any{"name": "bench", "listen": addr, "upstream": upstream}); err != nil {
		return "", err
	}
	add := func(kind, stream string, attributes map[string]any) error {
		return d.call(ctx, "POST", "/proxies/bench/toxics", map[string]any{"type": kind, "stream": stream, "attributes": attributes})
	}
	for _, stream := range []string{"upstream", "downstream"} {
		latency := any(sh.latency)
		if sh.micros > 0 {
			latency = fmt.Sprintf("%dµs", sh.micros)
		}
		if latency == any(noToxic) {
			continue
		}
		if err := add("latency", stream, map[string]any{"latency": latency}); err != nil {
			return "", err
		}
	}
	if sh.rate > 0 {
		return addr, add("bandwidth", "downstream", map[string]any{"rate": sh.rate})
	}
	return addr, nil
}
