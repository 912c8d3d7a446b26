// Package scenarios lists the built-in suites, one folder a topic.
package scenarios

import (
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/eof"
	"github.com/sockharness/harness/scenarios/framing"
	"github.com/sockharness/harness/scenarios/halfclose"
	"github.com/sockharness/harness/scenarios/liveness"
	"github.com/sockharness/harness/scenarios/partialsend"
	"github.com/sockharness/harness/scenarios/reconnect"
	"github.com/sockharness/harness/scenarios/refused"
	"github.com/sockharness/harness/scenarios/reset"
	"github.com/sockharness/harness/scenarios/shutdown"
	"github.com/sockharness/harness/scenarios/timeout"
)

// Topics returns the built-in topics in the order of reports.
func Topics() []suite.Topic {
	return []suite.Topic{
		{Name: "partialsend", Summary: "a socket only says how many bytes it took or gave", Declare: partialsend.Declare, List: partialsend.Scenarios},
		{Name: "eof", Summary: "zero bytes received means that the other side has closed", Declare: eof.Declare, List: eof.Scenarios},
		{Name: "halfclose", Summary: "one direction has ended, the other lives on", Declare: halfclose.Declare, List: halfclose.Scenarios},
		{Name: "reset", Summary: "a connection is torn down at any moment", Declare: reset.Declare, List: reset.Scenarios},
		{Name: "liveness", Summary: "one client does not keep another from being served", Declare: liveness.Declare, List: liveness.Scenarios},
		{Name: "refused", Summary: "nobody lets the client in, and a server comes back", Declare: refused.Declare, List: refused.Scenarios},
		{Name: "timeout", Summary: "silence is not for ever", Declare: timeout.Declare, List: timeout.Scenarios},
		{Name: "reconnect", Summary: "trying again, in moderation", Declare: reconnect.Declare, List: reconnect.Scenarios},
		{Name: "framing", Summary: "where a message ends, whatever its size and its bytes", Declare: framing.Declare, List: framing.Scenarios},
		{Name: "shutdown", Summary: "a server ends when it is asked to, and comes back", Declare: shutdown.Declare, List: shutdown.Scenarios},
	}
}
