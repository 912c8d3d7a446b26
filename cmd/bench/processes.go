package main

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// runProxy is the proxy process.
func runProxy(ctx context.Context, upstream string, sh toxicSetup) error {
	list, err := sh.makeToxics()
	if err != nil {
		return err
	}
	p, err := proxy.New(proxy.Config{Name: "bench", Listen: "127.0.0.1:0", Upstream: upstream, Toxics: list})
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

// makeToxics returns what makes our proxy have the shape.
func (sh toxicSetup) makeToxics() (list []proxy.Toxic, err error) {
	add := func(d event.Direction, kind, attribute string, value any) {
		made, failed := toxics.MakeToxic(spec.Spec{Type: kind, Direction: d, Attributes: map[string]any{attribute: value}})
		if failed != nil {
			err = failed
			return
		}
		list = append(list, proxy.Toxic{Name: kind + "_" + d.String(), Toxic: made.Instance, BufferSize: made.BufferSize, Direction: d, Toxicity: 1})
	}
	for _, d := range []event.Direction{event.Upstream, event.Downstream} {
		if sh.latency != noToxic {
			add(d, "latency", "latency", sh.latency)
		}
		if sh.micros > 0 {
			add(d, "latency", "latency", fmt.Sprintf("%dµs", sh.micros))
		}
	}
	if sh.rate > 0 {
		add(event.Downstream, "bandwidth", "rate", sh.rate)
	}
	return list, err
}
