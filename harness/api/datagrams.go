package api

import (
	"strings"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics"
)

// datagrams is a carrier of UDP.
type datagrams struct{ *datagram.Proxy }

// startDatagrams enables a proxy of datagrams.
func (m *member) startDatagrams(w wish, list []toxic) error {
	at, err := resolveDatagrams(w.listen)
	if err != nil {
		return err
	}
	p, err := datagram.New(datagram.Config{Name: m.name, Listen: at.String(), Upstream: strings.TrimPrefix(w.upstream, networkUDP+":"),
		Mode: datagram.Mode(w.mode), Seed: m.source(w), Events: m.daemon.sink(m.name), Toxics: struckDatagrams(list),
		Idle: span(w.transport.Idle), Associations: int(w.transport.Associations)})
	if err != nil {
		return err
	}
	if err := p.Start(m.daemon.ctx); err != nil {
		return bindFailure(at, err)
	}
	m.run(datagrams{p}, windows{})
	return nil
}

func (d datagrams) listen() string { return sock.FormatAddress(d.Addr()) }

func (d datagrams) apply(list []toxic) { _ = d.SetToxics(struckDatagrams(list)) }

func (d datagrams) Mode() proxy.Mode { return proxy.Mode(d.Proxy.Mode()) }

func (d datagrams) SetMode(m proxy.Mode) error { return d.Proxy.SetMode(datagram.Mode(m)) }

func (d datagrams) carried(direction event.Direction) carried {
	t := d.Traffic(direction)
	return carried{proxy.Traffic{Received: t.Received.Bytes, Sent: t.Sent.Bytes},
		proxy.Traffic{Received: t.Received.Datagrams, Sent: t.Sent.Datagrams}}
}

func (d datagrams) open(name string) (list []connection) {
	for _, a := range d.Associations() {
		shown := connection{Proxy: name, ID: a.ID, Since: a.Since, Client: end{Address: a.Client}, Server: end{Address: a.Upstream}}
		for direction, to := range []*flow{&shown.Upstream, &shown.Downstream} {
			t := a.Traffic[direction]
			*to = flow{Received: t.Received.Bytes, Sent: t.Sent.Bytes, Toxics: a.Toxics[direction],
				ReceivedDatagrams: &t.Received.Datagrams, SentDatagrams: &t.Sent.Datagrams}
		}
		list = append(list, shown)
	}
	return list
}

// struckDatagrams returns the toxics as a proxy of datagrams takes them.
func struckDatagrams(list []toxic) []datagram.Toxic {
	made := make([]datagram.Toxic, 0, len(list))
	for _, t := range list {
		if t.datagram != nil {
			one := *t.datagram
			one.Toxicity = float64(t.toxicity)
			made = append(made, one)
		}
	}
	return made
}

// find returns the kind that the input asks for, among those for its network.
func (in toxicInput) find() (toxics.Kind, error) {
	stream, isStream := toxics.Find(in.Type)
	kind, isDatagram := datagram.Find(in.Type)
	switch {
	case in.datagrams && isDatagram:
		return kind, nil
	case in.datagrams && isStream:
		return kind, badBodyf("toxic %s: %w", in.Type, datagram.ErrStream)
	case !in.datagrams && isStream:
		return stream, nil
	case !in.datagrams && isDatagram:
		return stream, badBodyf("toxic %s: it is for datagrams and cannot act on streams", in.Type)
	}
	return stream, errToxicType
}

// buildDatagram makes the toxic, for datagrams.
func (in toxicInput) buildDatagram(kind toxics.Kind, spec toxics.Spec, stream string) (toxic, error) {
	kind.Name = networkUDP // attributes are read strictly, those of Toxiproxy's names too
	if err := in.settings.apply(kind, &spec); err != nil {
		return toxic{}, err
	}
	spec.Toxicity = 1
	made, err := datagram.Make(spec)
	if err != nil {
		return toxic{}, badBody(err)
	}
	return toxic{made: toxics.Toxic{Spec: made.Spec}, datagram: &made, stream: stream, toxicity: in.Toxicity}, nil
}
