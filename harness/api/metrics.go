package api

import (
	"maps"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sockharness/harness/harness/event"
)

// labels are those of Toxiproxy's counters, direction excepted.
type labels struct{ proxy, listener, upstream string }

type traffic [2]carried // by direction

// A meter counts for /metrics. Without proxy metrics it counts nothing.
type meter struct {
	registry *prometheus.Registry // nil: there is nothing to serve
	counts   *counts              // nil: no proxy metrics
}

// newMeter returns the meter of a daemon, and counts what members returns.
func newMeter(cfg Config, members func() []*member) *meter {
	m := &meter{}
	if cfg.ProxyMetrics || cfg.RuntimeMetrics {
		m.registry = prometheus.NewRegistry()
	}
	if cfg.RuntimeMetrics {
		m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	if cfg.ProxyMetrics {
		m.counts = newCounts()
		m.registry.MustRegister(m.counts, newInventory(members))
		for _, vec := range m.counts.vecs() {
			m.registry.MustRegister(vec)
		}
	}
	return m
}

// handler returns what serves /metrics, nil when nothing does.
func (m *meter) handler() http.Handler {
	if m.registry == nil {
		return nil
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// open begins to count the bytes of a proxy.
func (m *meter) open(p carrier, l labels) {
	if m.counts == nil {
		return
	}
	for _, c := range []*prometheus.CounterVec{m.counts.total, m.counts.dialErrors} {
		c.WithLabelValues(l.proxy) // at 0 before anything happens, so that the first time is a rise
	}
	m.counts.open.WithLabelValues(l.proxy)
	m.counts.mu.Lock()
	defer m.counts.mu.Unlock()
	m.counts.live[p] = l
}

// settle keeps what a proxy has carried that is closed.
func (m *meter) settle(p carrier) {
	if m.counts == nil {
		return
	}
	m.counts.mu.Lock()
	defer m.counts.mu.Unlock()
	l := m.counts.live[p]
	m.counts.past[l] = m.counts.past[l].plus(p)
	delete(m.counts.live, p)
}

// forget drops all that was counted of a proxy that there is no more.
func (m *meter) forget(proxy string) {
	if m.counts == nil {
		return
	}
	for _, vec := range m.counts.vecs() {
		vec.DeletePartialMatch(prometheus.Labels{"proxy": proxy})
	}
	m.counts.mu.Lock()
	defer m.counts.mu.Unlock()
	maps.DeleteFunc(m.counts.past, func(l labels, _ traffic) bool { return l.proxy == proxy })
}

// tally returns what counts the connections of one run of a proxy.
func (m *meter) tally(name string) *tally {
	if m.counts == nil {
		return nil
	}
	return &tally{counts: m.counts, proxy: name, endings: map[uint64]ending{}, tried: map[uint64]bool{}}
}

// counts are the metrics of proxies. The byte counters, which are Toxiproxy's by
// name, are read from the proxies when they are asked for, and so are live.
type counts struct {
	received, sent                                  *prometheus.Desc
	datagramsIn, datagramsOut                       *prometheus.Desc
	open                                            *prometheus.GaugeVec
	total, ended, struck, dialErrors, bounced, lost *prometheus.CounterVec
	handshakeErrors, failed                         *prometheus.CounterVec

	mu   sync.Mutex         // guards what follows
	live map[carrier]labels // running, or being closed
	past map[labels]traffic // of proxies that are closed
}

func newCounts() *counts {
	bytes := []string{"direction", "listener", "proxy", "upstream"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"proxy"}, labels...))
	}
	return &counts{
		received:     prometheus.NewDesc("toxiproxy_proxy_received_bytes_total", "Bytes read from the source of a direction.", bytes, nil),
		sent:         prometheus.NewDesc("toxiproxy_proxy_sent_bytes_total", "Bytes taken by the destination of a direction.", bytes, nil),
		datagramsIn:  prometheus.NewDesc("harness_datagrams_received_total", "Datagrams read from the source of a direction.", bytes, nil),
		datagramsOut: prometheus.NewDesc("harness_datagrams_sent_total", "Datagrams taken by the destination of a direction.", bytes, nil),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "harness_connections_open",
			Help: "Connections that are open."}, []string{"proxy"}),
		total: counter("harness_connections_total", "Connections accepted."),
		ended: counter("harness_connections_ended_total",
			"Connections that are over, by how they ended first and by whose doing.", "ending", "side"),
		struck:          counter("harness_faults_struck_total", "Faults that took effect, by toxic.", "toxic"),
		dialErrors:      counter("harness_dial_errors_total", "Connections whose upstream could not be dialled."),
		handshakeErrors: counter("harness_handshake_errors_total", "Connections whose client could not be agreed with on TLS."),
		failed:          counter("harness_toxics_failed_total", "Toxics that panicked, or did not return when their connection ended.", "toxic", "failure"),
		bounced:         counter("harness_datagrams_bounced_total", "ICMP errors that datagrams met upstream."),
		lost:            counter("harness_datagrams_lost_total", "Datagrams given up by no fault's doing."),
		live:            map[carrier]labels{}, past: map[labels]traffic{},
	}
}

// A vec is a metric with a label "proxy".
type vec interface {
	prometheus.Collector
	DeletePartialMatch(prometheus.Labels) int
}

func (c *counts) vecs() []vec {
	return []vec{c.open, c.total, c.ended, c.struck, c.dialErrors, c.handshakeErrors, c.failed, c.bounced, c.lost}
}

// Describe implements [prometheus.Collector].
func (c *counts) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.received, c.sent, c.datagramsIn, c.datagramsOut} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *counts) Collect(to chan<- prometheus.Metric) {
	for l, t := range c.sum() {
		for d, bytes := range t {
			values := []string{event.Direction(d).String(), l.listener, l.proxy, l.upstream}
			to <- prometheus.MustNewConstMetric(c.received, prometheus.CounterValue, float64(bytes.Received), values...)
			to <- prometheus.MustNewConstMetric(c.sent, prometheus.CounterValue, float64(bytes.Sent), values...)
			if networkOf(l.listener) == networkUDP {
				to <- prometheus.MustNewConstMetric(c.datagramsIn, prometheus.CounterValue, float64(bytes.datagrams.Received), values...)
				to <- prometheus.MustNewConstMetric(c.datagramsOut, prometheus.CounterValue, float64(bytes.datagrams.Sent), values...)
			}
		}
	}
}

func (c *counts) sum() map[labels]traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	sums := maps.Clone(c.past)
	for p, l := range c.live {
		sums[l] = sums[l].plus(p)
	}
	return sums
}

func (t traffic) plus(p carrier) traffic {
	for d := range t {
		t[d] = t[d].plus(p.carried(event.Direction(d)))
	}
	return t
}
