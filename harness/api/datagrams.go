package api

import (
	"strings"
	"time"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// datagrams is a carrier of UDP.
type datagrams struct{ *datagram.Proxy }

// buildDatagrams makes a proxy of datagrams.
func (m *managedProxy) buildDatagrams(w proxySpec, list []toxic) (engine, error) {
	at, err := resolveDatagrams(w.listen)
	if err != nil {
		return engine{}, err
	}
	p, err := datagram.New(datagram.Config{Name: m.name, Listen: at.String(), Upstream: strings.TrimPrefix(w.upstream, networkUDP+":"),
		Mode: datagram.Mode(w.mode), Seed: m.seedSource(w), Events: m.daemon.eventSink(m.name), Toxics: struckDatagrams(list),
		Idle: limitDuration(w.transport.Idle), Associations: int(w.transport.Associations), Served: m.count(), NewID: m.daemon.nextConnection, Closed: m.noteExpired, Record: m.daemon.cfg.Record})
	if err != nil {
		return engine{}, err
	}
	return engine{datagrams{p}, windows{}, func(proxyEngine) error { return bindFailure(at, p.Start(m.daemon.ctx)) }}, nil
}

func (d datagrams) listenAddr() string { return sock.FormatAddress(d.Addr()) }

func (d datagrams) applyToxics(list []toxic) { _ = d.SetToxics(struckDatagrams(list)) }

func (d datagrams) Mode() proxy.Mode { return proxy.Mode(d.Proxy.Mode()) }

func (d datagrams) SetMode(m proxy.Mode) error { return d.Proxy.SetMode(datagram.Mode(m)) }

// CloseWithin drops what is held: datagrams are lost at any time.
func (d datagrams) CloseWithin(time.Duration) error { return d.Close() }

func (d datagrams) carriedBytes(direction event.Direction) traffic {
	t := d.TotalTraffic(direction)
	return traffic{proxy.Traffic{Received: t.Received.Bytes, Sent: t.Sent.Bytes},
		proxy.Traffic{Received: t.Received.Datagrams, Sent: t.Sent.Datagrams}}
}

func (d datagrams) eachConnection(name string, visit func(connection)) {
	for _, a := range d.OpenAssociations() {
		visit(describeAssociation(name, a))
	}
}

func describeAssociation(name string, a datagram.Association) connection {
	shown := connection{Proxy: name, ID: a.ID, Since: a.Since, Client: end{Address: a.Client}, Server: end{Address: a.Upstream}, Reason: a.Reason}
	for direction, to := range []*flow{&shown.Upstream, &shown.Downstream} {
		t := a.Traffic[direction]
		*to = flow{Received: t.Received.Bytes, Sent: t.Sent.Bytes, Toxics: append([]string{}, a.Toxics[direction]...),
			ReceivedDatagrams: &t.Received.Datagrams, SentDatagrams: &t.Sent.Datagrams}
	}
	if !a.Ended.IsZero() {
		shown.Ended = &a.Ended
	}
	return shown
}

// struckDatagrams returns the toxics as a proxy of datagrams takes them.
func struckDatagrams(list []toxic) []datagram.Toxic {
	made := make([]datagram.Toxic, 0, len(list))
	for _, t := range list {
		if t.datagram != nil {
			one := *t.datagram
			one.Toxicity, one.After = float64(t.toxicity), t.after
			made = append(made, one)
		}
	}
	return made
}

// findKind returns the kind that the input asks for, among those for its network.
func (in toxicInput) findKind() (spec.Kind, error) {
	stream, isStream := toxics.FindKind(in.Type)
	kind, isDatagram := datagram.FindKind(in.Type)
	switch {
	case in.datagrams && isDatagram:
		return kind, nil
	case in.datagrams && isStream:
		return kind, badBodyf("toxic %s: %w", in.Type, datagram.ErrStream)
	case !in.datagrams && isStream:
		return stream, nil
	case !in.datagrams && isDatagram:
		return stream, badBodyf("toxic %s: works on datagrams only, and this proxy forwards streams", in.Type)
	}
	return stream, errToxicType
}

// buildDatagram makes the toxic, for datagrams.
func (in toxicInput) buildDatagram(kind spec.Kind, spec spec.Spec, stream string) (toxic, error) {
	kind.Name = networkUDP // attributes are read strictly, those of Toxiproxy's names too
	if err := in.settings.applyTo(kind, &spec); err != nil {
		return toxic{}, err
	}
	spec.Toxicity = 1
	made, err := datagram.MakeToxic(spec)
	if err != nil {
		return toxic{}, badBody(err)
	}
	return toxic{made: toxics.Toxic{Spec: made.Spec}, datagram: &made, stream: stream, after: in.after(made.Spec), toxicity: in.Toxicity}, nil
}
