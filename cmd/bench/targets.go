package main

// targets are what ours is to reach, by line of the table: a ratio to another's, or a
// value.
var targets = map[string]string{
	"connections, 8 clients, rst: a second":                 "÷ HAProxy ≥ 1.0",
	"connections, 8 clients, fin: a second":                 "÷ HAProxy ≥ 1.1",
	"connections, one client, rst: a second":                "÷ HAProxy ≥ 1.05",
	"connections, 8 clients, rst: CPU of the proxy, µs":     "÷ HAProxy ≤ 0.85",
	"connections, 8 clients, fin: CPU of the proxy, µs":     "÷ HAProxy ≤ 0.85",
	"round trip: p50, µs":                                   "÷ HAProxy ≤ 0.80, ÷ nginx ≤ 1.0",
	"round trip: CPU of the proxy, µs":                      "÷ HAProxy ≤ 0.9",
	"round trip on one of 1000: p99, µs":                    "÷ HAProxy ≤ 1.0",
	"bulk up: MB/s":                                         "÷ HAProxy ≥ 1.25",
	"bulk down: MB/s":                                       "÷ HAProxy ≥ 1.25",
	"bulk up: CPU of client, proxy and server, ms/GiB":      "÷ HAProxy ≤ 0.75",
	"bulk down: CPU of client, proxy and server, ms/GiB":    "÷ HAProxy ≤ 0.75",
	"round trip beside 8 streams of bulk: times that alone": "harness ≤ 3",
	"latency 200 µs: error in µs, p99":                      "harness ≤ 100",
	"memory per idle connection, kB":                        "harness ≤ 2.5",
	"latency 1 ms: connections, 8 clients, rst: a second":   "÷ toxiproxy ≥ 2.5",
	"latency 1 ms: bulk up: MB/s":                           "÷ toxiproxy ≥ 3.0",
	"latency 1 ms: bulk down: MB/s":                         "÷ toxiproxy ≥ 3.0",
}
