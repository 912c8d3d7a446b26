package api

import "github.com/prometheus/client_golang/prometheus"

// An inventory says what proxies there are when it is asked.
type inventory struct {
	members         func() []*member
	enabled, toxics *prometheus.Desc
}

func newInventory(members func() []*member) *inventory {
	return &inventory{members: members,
		enabled: prometheus.NewDesc("harness_proxy_enabled", "Whether the proxy is enabled.", []string{"proxy"}, nil),
		toxics:  prometheus.NewDesc("harness_proxy_toxics", "Toxics on the proxy.", []string{"proxy"}, nil)}
}

// Describe implements [prometheus.Collector].
func (i *inventory) Describe(to chan<- *prometheus.Desc) { to <- i.enabled; to <- i.toxics }

// Collect implements [prometheus.Collector].
func (i *inventory) Collect(to chan<- prometheus.Metric) {
	for _, m := range i.members() {
		enabled := 0.0
		if m.wanted().enabled {
			enabled = 1
		}
		to <- prometheus.MustNewConstMetric(i.enabled, prometheus.GaugeValue, enabled, m.name)
		to <- prometheus.MustNewConstMetric(i.toxics, prometheus.GaugeValue, float64(len(m.faults())), m.name)
	}
}
