package proxycmd

import (
	"context"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics/spec"
)

// isDatagrams reports whether `harness proxy` is asked for one of datagrams. A
// port that is not asked for is of the upstream's kind.
func (f *proxyFlags) isDatagrams(listenGiven bool) (bool, error) {
	upstream := strings.HasPrefix(f.upstream, cli.UDPPrefix)
	if upstream && !listenGiven {
		f.listen = cli.UDPPrefix + f.listen
	}
	if strings.HasPrefix(f.listen, cli.UDPPrefix) != upstream {
		return false, cli.UsageErrorf("--listen %s --upstream %s: datagrams cannot be forwarded to streams; begin both addresses with %s, or remove it", f.listen, f.upstream, cli.UDPPrefix)
	}
	return upstream, nil
}

// prepareDatagrams checks what is asked for of a proxy of datagrams.
func (f *proxyFlags) prepareDatagrams() (starter, []spec.Spec, error) {
	var made []datagram.Toxic
	var specs []spec.Spec
	err := f.eachToxic(func(spec spec.Spec) error {
		t, err := datagram.MakeToxic(spec)
		made, specs = append(made, t), append(specs, t.Spec)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return func(sink event.Sink) (foreground, error) {
		files, record, sink := f.recordConnections(sink)
		p, err := datagram.New(datagram.Config{Name: "proxy", Listen: strings.TrimPrefix(f.listen, cli.UDPPrefix), Upstream: strings.TrimPrefix(f.upstream, cli.UDPPrefix),
			Seed: seed.New(f.seed), Events: sink, Toxics: made, Idle: f.transport.IdleTimeout(), Associations: int(f.transport.Associations), Record: record})
		if err == nil {
			err = p.Start(context.Background())
		}
		return withFiles(p, files, err)
	}, specs, nil
}
