package scenario

import (
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/outcome"
)

func serverOracles() []Oracle {
	return []Oracle{
		{
			Name:  "alive",
			Title: "The server process survives",
			Rationale: "If one client can end a server, that is a denial of service. A supervisor that restarts the server hides " +
				"this, so the harness compares the process ids of all processes that listen on the port. The message names " +
				"the signal or exit status and the last lines of output. A server whose processes also end after a " +
				"conversation without a fault is not judged.",
			Ref:   "statsd/statsd#591, libevent/libevent#1398",
			Level: outcome.Must, Roles: ServerRole(),
			Check: func(o Observation) error {
				if o.Crash != nil {
					return fmt.Errorf("the server process ended during the scenario: %s%s", *o.Crash, wrote(o.LastWords))
				}
				if o.DeadWorker != "" {
					return fmt.Errorf("%s", o.DeadWorker)
				}
				return nil
			},
		},
		{
			Name:  "serves",
			Title: "A new conversation works afterwards",
			Rationale: "A fault may damage something that its own client does not see: a worker that died while it held a lock, " +
				"or a listener that stopped accepting. So the harness runs the first exchange once more, without a proxy.",
			Ref:   "Socket Programming HOWTO; tiny-http/tiny-http#283",
			Level: outcome.Must, Roles: ServerRole(),
			Check: func(o Observation) error {
				if !o.ServerDied() && o.AfterErr != nil {
					return fmt.Errorf("a new conversation after the fault does not work: %w", o.AfterErr)
				}
				return nil
			},
		},
		{
			Name:  "others",
			Title: "Other clients are served during the fault",
			Rationale: "A fault on one connection must not affect other connections. As soon as the fault has struck, a second " +
				"client runs the first exchange on its own connection.",
			Ref:   "mattgodbolt/xania#102, seastar#335",
			Level: outcome.Must, Roles: ServerRole(),
			Check: func(o Observation) error {
				if !o.ServerDied() && o.OtherClientErr != nil {
					return fmt.Errorf("a second client was not served during the fault: %w", o.OtherClientErr)
				}
				return nil
			},
		},
		{
			Name:  "ends",
			Title: "The server closes its side in time after the client's FIN",
			Rationale: "The conversation is complete and the client has closed. A server that keeps the socket leaks a " +
				"descriptor. A target that declares idle_timeout may take that long.",
			Ref:   "RFC 9293 §3.6; opensips#3164",
			Level: outcome.Must, Roles: ServerRole(),
			Restates: true,
			Check:    endsInTime,
		},
		{
			Name:  "clean-end",
			Title: "The server ends a complete conversation with FIN, not with RST",
			Rationale: "close with unread bytes, or with linger time 0, resets the connection. Data in flight to the client is " +
				"lost, including answers.",
			Ref:   "RFC 9293 §3.10.4; RFC 9112 §9.6; aio-libs/aiohttp#927",
			Level: outcome.Should, Roles: ServerRole(),
			Check: endsCleanly,
		},
		{
			Name:  "progress",
			Title: "The two sides do not deadlock",
			Rationale: "Two peers that both wait, or both write, stay stuck. The message names the side that holds data, the " +
				"system call and the descriptor.",
			Ref:   "brltty/brltty#259, libp2p/rust-yamux#112",
			Level: outcome.Must, Roles: ServerRole(),
			Restates: true,
			Check: func(o Observation) error {
				if o.Played != nil && o.IsHarmless() && o.Stuck != "" && o.Played.Ending == event.Timeout {
					return errors.New(o.Stuck)
				}
				return nil
			},
		},
		{
			Name:      "extra-bytes",
			Title:     "The server sends no bytes without a request",
			Rationale: "A client takes bytes after the last answer for the answer to its next request.",
			Ref:       "gwsystems/sledge-serverless-framework#389",
			Level:     outcome.Must, Roles: ServerRole(),
			Check: func(o Observation) error {
				if extra := o.extraBytes(); len(extra) > 0 && o.IsHarmless() && !o.leavesEarly() {
					return fmt.Errorf("the server sent more bytes after the last answer: %s", excerpt.Quote(extra))
				}
				return nil
			},
		},
		growthOracle("descriptors", "A server does not leak descriptors",
			"A server that keeps one descriptor per conversation fails with EMFILE sooner or later, for all clients. The "+
				"harness counts descriptors before and after the scenario and after three more rounds of the same, with two "+
				"conversations at a time. A pool stops growing; a leak goes on.",
			"sems-server/sems#322; accept(2) EMFILE", outcome.Must, func(g Growth) int { return g.Descriptors }, 0),
		growthOracle("close-wait", "A server closes connections that its clients have closed",
			"A socket in CLOSE_WAIT has received the client's FIN, and its process has not closed it. Counted like descriptors.",
			"RFC 9293 §3.3.2; Thunder#1933", outcome.Must, func(g Growth) int { return g.CloseWait }, 0),
		growthOracle("threads", "A server does not leak threads",
			"A thread per connection that never exits keeps its stack, until no more threads can be created. Counted like "+
				"descriptors, over at least 256 conversations, because a pool of a fixed size grows until it is full.",
			"OpenBK7231T_App#2197", outcome.Must, func(g Growth) int { return g.Threads }, pooledThreads),
		growthOracle("zombies", "A server reaps its child processes",
			"A child process that was not waited for stays in the process table as a zombie. Counted like descriptors.",
			"wait(2); pgexporter/pgexporter#425", outcome.Must, func(g Growth) int { return g.Zombies }, 0),
		{
			Name:  "memory",
			Title: "A server's memory does not grow with each conversation",
			Rationale: "The harness compares resident memory over rounds of the same conversations, after one round of warm-up. A " +
				"cache stops growing; a leak goes on at its rate. Growth below 8 MiB per round is not judged.",
			Ref:   "http-kit#180, brpc#1107",
			Level: outcome.Should, Roles: ServerRole(),
			Check: memoryGrows,
		},
		{
			Name:  "cpu",
			Title: "A server uses no CPU when idle",
			Rationale: "A server that treats EOF or an error as \"not yet\" gets it again at once and spins, with one CPU for each " +
				"such client. The harness reads the scheduler's statistics of every thread while no client is connected.",
			Ref:   "wg/wrk#167, ovis-hpc/ldms#582",
			Level: outcome.Must, Roles: ServerRole(),
			Check: func(o Observation) error {
				if r := o.LeakRounds; r != nil && r.Busy != "" {
					return fmt.Errorf("%s while no client was connected", r.Busy)
				}
				return nil
			},
		},
	}
}

// endsInTime is for conversations that were complete and that the client ended.
func endsInTime(o Observation) error {
	p := o.Played
	if p == nil || p.Steps < o.playedSteps() || p.ReadEnding != event.Timeout || o.SideEnding(event.Client) != event.EOF {
		return nil
	}
	if o.Case.Target.Policies.IdleTimeout > 0 || !o.IsHarmless() || o.SideEnding(event.Server) != event.Open {
		return nil
	}
	return fmt.Errorf("the server had not closed the connection %s after the last answer and the client's FIN%s", roundMillis(p.Elapsed), o.hangReason())
}

// endsCleanly is for conversations that were complete and that nothing of ours
// has cut.
func endsCleanly(o Observation) error {
	p := o.Played
	if p == nil || p.Steps < o.playedSteps() || !o.IsHarmless() || o.SideEnding(event.Server) != event.Reset {
		return nil
	}
	return errors.New("the server ended a complete conversation by reset (RST), want eof (FIN)")
}
