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

type labeledTraffic [2]traffic // by direction

// A metrics counts for /metrics. Without proxy metrics it counts nothing.
type metrics struct {
	registry *prometheus.Registry // nil: there is nothing to serve
	counts   *eventCollectors     // nil: no proxy metrics
}

// newMeter returns the meter of a daemon, and counts what members returns.
func newMeter(cfg Config, members func() []*managedProxy) *metrics {
	m := &metrics{}
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
		for _, vec := range m.counts.allVecs() {
			m.registry.MustRegister(vec)
		}
	}
	return m
}

// metricsHandler returns what serves /metrics, nil when nothing does.
func (m *metrics) metricsHandler() http.Handler {
	if m.registry == nil {
		return nil
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// trackProxy begins to count the bytes of a proxy.
func (m *metrics) trackProxy(p proxyEngine, l labels) {
	if m.counts == nil {
		return
	}
	m.counts.mu.Lock()
	defer m.counts.mu.Unlock()
	m.counts.live[p] = l
}

// keepTotals keeps what a proxy has carried that is closed.
func (m *metrics) keepTotals(p proxyEngine) {
	if m.counts == nil {
		return
	}
	m.counts.mu.Lock()
	defer m.counts.mu.Unlock()
	l := m.counts.live[p]
	if sum := m.counts.past[l].addEngine(p); sum != (labeledTraffic{}) {
		m.counts.past[l] = sum
	}
	delete(m.counts.live, p)
}

// forgetProxy drops all that was counted of a proxy that there is no more.
func (m *metrics) forgetProxy(proxy string) {
	if m.counts == nil {
		return
	}
	for _, vec := range m.counts.allVecs() {
		vec.DeletePartialMatch(prometheus.Labels{"proxy": proxy})
	}
	m.counts.mu.Lock()
	defer m.counts.mu.Unlock()
	maps.DeleteFunc(m.counts.past, func(l labels, _ labeledTraffic) bool { return l.proxy == proxy })
}

// newCounter returns what counts the connections of one run of a proxy.
func (m *metrics) newCounter(name string) *eventCounter {
	if m.counts == nil {
		return nil
	}
	return &eventCounter{counts: m.counts, proxy: name, endings: map[uint64]ending{}, tried: map[uint64]bool{}}
}

// eventCollectors are the metrics of proxies. The byte counters, which are Toxiproxy's by
// name, are read from the proxies when they are asked for, and so are live.
type eventCollectors struct {
	received, sent                                  *prometheus.Desc
	datagramsIn, datagramsOut                       *prometheus.Desc
	open                                            *prometheus.GaugeVec
	total, ended, struck, dialErrors, bounced, lost *prometheus.CounterVec
	handshakeErrors, failed                         *prometheus.CounterVec

	mu   sync.Mutex                // guards what follows
	live map[proxyEngine]labels    // running, or being closed
	past map[labels]labeledTraffic // of proxies that are closed
}

func newCounts() *eventCollectors {
	bytes := []string{"direction", "listener", "proxy", "upstream"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"proxy"}, labels...))
	}
	return &eventCollectors{
		received:     prometheus.NewDesc("toxiproxy_proxy_received_bytes_total", "Bytes read from the source of a direction.", bytes, nil),
		sent:         prometheus.NewDesc("toxiproxy_proxy_sent_bytes_total", "Bytes taken by the destination of a direction.", bytes, nil),
		datagramsIn:  prometheus.NewDesc("harness_datagrams_received_total", "Datagrams read from the source of a direction.", bytes, nil),
		datagramsOut: prometheus.NewDesc("harness_datagrams_sent_total", "Datagrams taken by the destination of a direction.", bytes, nil),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "harness_connections_open",
			Help: "Connections that are open."}, []string{"proxy"}),
		total: counter("harness_connections_total", "Connections accepted."),
		ended: counter("harness_connections_ended_total",
			"Connections that have ended, by the first ending and the side that caused it.", "ending", "side"),
		struck:          counter("harness_faults_struck_total", "Faults that took effect, by toxic.", "toxic"),
		dialErrors:      counter("harness_dial_errors_total", "Connections whose upstream could not be dialled."),
		handshakeErrors: counter("harness_handshake_errors_total", "Connections whose TLS handshake with the client failed."),
		failed:          counter("harness_toxics_failed_total", "Toxics that panicked, or did not return when their connection ended.", "toxic", "failure"),
		bounced:         counter("harness_datagrams_bounced_total", "ICMP errors received from the upstream."),
		lost:            counter("harness_datagrams_lost_total", "Datagrams lost without a fault."),
		live:            map[proxyEngine]labels{}, past: map[labels]labeledTraffic{},
	}
}

// A vec is a metric with a label "proxy".
type vec interface {
	prometheus.Collector
	DeletePartialMatch(prometheus.Labels) int
}

func (c *eventCollectors) allVecs() []vec {
	return []vec{c.open, c.total, c.ended, c.struck, c.dialErrors, c.handshakeErrors, c.failed, c.bounced, c.lost}
}

// Describe implements [prometheus.Collector].
func (c *eventCollectors) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.received, c.sent, c.datagramsIn, c.datagramsOut} {
		to <- d
	}
}

// Collect implements [prometheus.Collector]. Proxies that nobody has used have no series:
// a thousand of them would be a megabyte of zeros.
func (c *eventCollectors) Collect(to chan<- prometheus.Metric) {
	for l, t := range c.sumTraffic() {
		if t == (labeledTraffic{}) {
			continue
		}
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

func (c *eventCollectors) sumTraffic() map[labels]labeledTraffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	sums := maps.Clone(c.past)
	for p, l := range c.live {
		sums[l] = sums[l].addEngine(p)
	}
	return sums
}

func (t labeledTraffic) addEngine(p proxyEngine) labeledTraffic {
	for d := range t {
		t[d] = t[d].addTo(p.carriedBytes(event.Direction(d)))
	}
	return t
}
