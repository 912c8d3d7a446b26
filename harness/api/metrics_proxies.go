package api

import "github.com/prometheus/client_golang/prometheus"

// A proxyCollector says what proxies there are when it is asked.
type proxyCollector struct {
	members         func() []*managedProxy
	enabled, toxics *prometheus.Desc
}

func newInventory(members func() []*managedProxy) *proxyCollector {
	return &proxyCollector{members: members,
		enabled: prometheus.NewDesc("harness_proxy_enabled", "Whether the proxy is enabled.", []string{"proxy"}, nil),
		toxics:  prometheus.NewDesc("harness_proxy_toxics", "Toxics on the proxy.", []string{"proxy"}, nil)}
}

// Describe implements [prometheus.Collector].
func (i *proxyCollector) Describe(to chan<- *prometheus.Desc) { to <- i.enabled; to <- i.toxics }

// Collect implements [prometheus.Collector].
func (i *proxyCollector) Collect(to chan<- prometheus.Metric) {
	for _, m := range i.members() {
		enabled := 0.0
		if m.currentSpec().enabled {
			enabled = 1
		}
		to <- prometheus.MustNewConstMetric(i.enabled, prometheus.GaugeValue, enabled, m.name)
		if n, had := m.countToxics(); had {
			to <- prometheus.MustNewConstMetric(i.toxics, prometheus.GaugeValue, float64(n), m.name)
		}
	}
}

// countToxics returns how many toxics the proxy has, and whether it has ever had one.
func (m *managedProxy) countToxics() (n int, had bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hadToxics = m.hadToxics || len(m.toxics) > 0
	return len(m.toxics), m.hadToxics
}
