// Package scenarios lists the built-in suites, one folder a topic.
package scenarios

import (
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios/eof"
	"github.com/sockharness/harness/scenarios/framing"
	"github.com/sockharness/harness/scenarios/halfclose"
	"github.com/sockharness/harness/scenarios/liveness"
	"github.com/sockharness/harness/scenarios/partialsend"
	"github.com/sockharness/harness/scenarios/pipes"
	"github.com/sockharness/harness/scenarios/reconnect"
	"github.com/sockharness/harness/scenarios/refused"
	"github.com/sockharness/harness/scenarios/reset"
	"github.com/sockharness/harness/scenarios/shutdown"
	"github.com/sockharness/harness/scenarios/timeout"
	"github.com/sockharness/harness/scenarios/tls"
	"github.com/sockharness/harness/scenarios/udp"
	"github.com/sockharness/harness/scenarios/unix"
)

// Topics returns the built-in topics in the order of reports.
func Topics() []scenario.Topic {
	return []scenario.Topic{
		{Name: "partialsend", Summary: "segments split and merged anywhere in a message, partial writes", List: partialsend.Scenarios},
		{Name: "eof", Summary: "the stream ends at every place in a conversation", List: eof.Scenarios},
		{Name: "halfclose", Summary: "one direction is closed, the other stays open", List: halfclose.Scenarios},
		{Name: "reset", Summary: "the connection is reset at every place in a conversation", List: reset.Scenarios},
		{Name: "liveness", Summary: "one client does not block other clients", List: liveness.Scenarios},
		{Name: "refused", Summary: "connections are refused or dropped at once, and servers restart", List: refused.Scenarios},
		{Name: "timeout", Summary: "the other side goes silent, slow or late: time limits hold", List: timeout.Scenarios},
		{Name: "reconnect", Summary: "retries: pauses between them, limits, no duplicates", List: reconnect.Scenarios},
		{Name: "framing", Summary: "message boundaries: any size, any byte, impossible lengths", List: framing.Scenarios},
		{Name: "shutdown", Summary: "SIGTERM, clean exits, restarts and harmless signals", List: shutdown.Scenarios},
		{Name: "tls", Summary: "TLS: handshakes cut, split or without an end, small records, ends without close_notify, certificates", List: tls.Scenarios},
		{Name: "unix", Summary: "unix sockets: files that are stale, in use, or no sockets, and paths that are too long", List: unix.Scenarios},
		{Name: "pipes", Summary: "servers on standard input and output: they end with their client", List: pipes.Scenarios},
		{Name: "udp", Summary: "datagrams: lost, twice, overtaken, cut, empty, from strangers, and ports that are closed", List: udp.Scenarios},
	}
}
