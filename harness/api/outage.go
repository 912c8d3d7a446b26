package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
)

// An outageJSON is an outage as the API takes and shows it.
type outageJSON struct {
	Outage proxy.OutageKind `json:"outage"`
	Stream string           `json:"stream,omitempty"` // of a one-sided partition
	How    proxy.Failing    `json:"how,omitempty"`
	First  uint64           `json:"first,omitempty"`
	For    json.RawMessage  `json:"for,omitempty"` // milliseconds, or text such as "1.5s"
}

// maxOutage is the longest outage that ends by itself.
const maxOutage = 365 * 24 * time.Hour

// readOutage reads what a client has sent.
func (in outageJSON) readOutage() (o proxy.Outage, err error) {
	o = proxy.Outage{Kind: in.Outage, How: in.How, First: in.First}
	ms, err := readLimit("for", in.For, 0, -1, maxOutage.Milliseconds())
	if err != nil {
		return o, err
	}
	o.For = time.Duration(ms) * time.Millisecond
	switch stream := strings.ToLower(in.Stream); stream {
	case "", "both":
	default:
		d, err := event.ParseDirection(stream)
		if err != nil {
			return o, badBodyf("stream must be upstream (nothing reaches the server), downstream (nothing reaches the client) or both")
		}
		o.OneSided = &d
	}
	return o, nil
}

// showOutageOf writes an outage as the API shows it.
func showOutageOf(o proxy.Outage) outageJSON {
	shown := outageJSON{Outage: o.Kind, How: o.How, First: o.First}
	if o.OneSided != nil {
		shown.Stream = o.OneSided.String()
	}
	if o.For > 0 {
		shown.For, _ = json.Marshal(o.For.Milliseconds()) // a number: it cannot fail
	}
	return shown
}

// runningStreams returns what runs under the name, if that can have an outage.
func (d *Daemon) runningStreams(name string) (streams, error) {
	m, err := d.findProxy(name)
	if err != nil {
		return streams{}, err
	}
	switch p := m.currentEngine().(type) {
	case streams:
		return p, nil
	case nil:
		return streams{}, &failure{Message: "proxy is disabled", Status: http.StatusConflict}
	}
	return streams{}, badBodyf("an outage is of streams; give the datagrams of this proxy the toxic drop")
}

func (d *Daemon) startOutage(r *http.Request, names []string) (reply, error) {
	p, err := d.runningStreams(names[0])
	if err != nil {
		return reply{}, err
	}
	var in outageJSON
	if err := readJSON(r, &in); err != nil {
		return reply{}, err
	}
	o, err := in.readOutage()
	if err != nil {
		return reply{}, err
	}
	if err := p.StartOutage(o); err != nil {
		return reply{}, badBody(err)
	}
	return reply{http.StatusOK, showOutageOf(o)}, nil
}

func (d *Daemon) showOutage(_ *http.Request, names []string) (reply, error) {
	p, err := d.runningStreams(names[0])
	if err != nil {
		return reply{}, err
	}
	o, ok := p.Outage()
	if !ok {
		return reply{}, &failure{Message: "proxy has no outage", Status: http.StatusNotFound}
	}
	return reply{http.StatusOK, showOutageOf(o)}, nil
}

func (d *Daemon) healOutage(_ *http.Request, names []string) (reply, error) {
	p, err := d.runningStreams(names[0])
	if err == nil {
		err = p.Heal()
	}
	return reply{status: http.StatusNoContent}, err
}

// carryOutage gives what runs now the outage of what ran before on the same proxy.
func carryOutage(before, now proxyEngine) {
	was, ok := before.(streams)
	p, is := now.(streams)
	if !ok || !is {
		return
	}
	if o, ok := was.Outage(); ok {
		_ = p.StartOutage(o) // it was one before
	}
}

// showSchedule shows the fingerprint of the random choices of a proxy's toxics.
func (d *Daemon) showSchedule(_ *http.Request, names []string) (reply, error) {
	m, err := d.findProxy(names[0])
	if err != nil {
		return reply{}, err
	}
	var made []toxics.Toxic
	for _, t := range m.initialToxics() {
		one := t.made
		one.Toxicity = float64(t.toxicity)
		made = append(made, one)
	}
	c := proxy.Config{Seed: m.seedSource(m.currentSpec())}
	return reply{http.StatusOK, map[string]string{"schedule": c.FingerprintSpecs(made)}}, nil
}
