package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
)

// udp is what addresses of datagrams begin with.
const udp = "udp:"

// A foreground is a proxy that runs until its command is interrupted.
type foreground interface {
	Addr() net.Addr
	Close() error
}

// toxicKinds returns the kinds of both catalogues. Some names are in both.
func toxicKinds() []toxics.Kind { return slices.Concat(toxics.Catalogue(), datagram.Catalogue()) }

// writeDatagramKinds lists those for datagrams, below those for streams.
func writeDatagramKinds(w io.Writer) {
	fmt.Fprintf(w, "\nOn datagrams (addresses that begin with %s):\n\n", udp)
	for _, k := range datagram.Catalogue() {
		fmt.Fprintf(w, "%s\t%s\n", k.Name, k.Summary)
	}
}

// writeDatagramKind shows one that is for datagrams, if there is one of the name.
func writeDatagramKind(w io.Writer, name string, stream bool) bool {
	k, ok := datagram.Find(name)
	if !ok {
		return false
	}
	if stream {
		fmt.Fprintf(w, "\nOn datagrams (addresses that begin with %s)\n\n", udp)
	}
	writeKind(w, k)
	fmt.Fprintf(w, "\nIt takes direction, toxicity (the share of datagrams), connections (2, 1-3, 4-), seed, and one of at.%s.\n",
		strings.Join(toxics.TriggerFields(), ", at."))
	return true
}

func writeKind(w io.Writer, k toxics.Kind) {
	fmt.Fprintf(w, "%s: %s\n\n%s\n\n", k.Name, k.Summary, k.Page)
	for _, a := range k.Attributes {
		fmt.Fprintf(w, "  %s\t%s\tdefault %v\t%s\n", a.Name, a.Kind, a.Default, a.Summary)
	}
}

// datagrams reports whether `harness proxy` is asked for one of datagrams. A
// port that is not asked for is of the upstream's kind.
func (f *proxyFlags) datagrams(listenGiven bool) (bool, error) {
	upstream := strings.HasPrefix(f.upstream, udp)
	if upstream && !listenGiven {
		f.listen = udp + f.listen
	}
	if strings.HasPrefix(f.listen, udp) != upstream {
		return false, usage("--listen %s --upstream %s: datagrams and streams do not go together; both begin with %s or none does", f.listen, f.upstream, udp)
	}
	return upstream, nil
}

// makeStream makes a toxic of a proxy of streams.
func makeStream(spec toxics.Spec) (toxics.Toxic, error) {
	_, stream := toxics.Find(spec.Type)
	if _, ok := datagram.Find(spec.Type); ok && !stream {
		return toxics.Toxic{}, fmt.Errorf("toxic %s: it is for datagrams and cannot act on streams", spec.Type)
	}
	return toxics.Make(spec)
}

// prepareDatagrams checks what is asked for of a proxy of datagrams.
func (f *proxyFlags) prepareDatagrams() (starter, []toxics.Spec, error) {
	var made []datagram.Toxic
	var specs []toxics.Spec
	for _, text := range f.toxics {
		spec, err := toxics.ParseFlag(text)
		if err != nil {
			return nil, nil, usage("--toxic: %v", err)
		}
		t, err := datagram.Make(spec)
		if err != nil {
			return nil, nil, usage("--toxic: %v", err)
		}
		made, specs = append(made, t), append(specs, t.Spec)
	}
	return func(sink event.Sink) (foreground, error) {
		p, err := datagram.New(datagram.Config{Name: "proxy", Listen: strings.TrimPrefix(f.listen, udp), Upstream: strings.TrimPrefix(f.upstream, udp),
			Seed: chance.New(f.seed), Events: sink, Toxics: made, Idle: span(int64(f.reach.idle)), Associations: int(f.reach.Associations)})
		if err == nil {
			err = p.Start(context.Background())
		}
		return p, err
	}, specs, nil
}
