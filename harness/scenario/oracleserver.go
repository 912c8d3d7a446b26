package scenario

import (
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

func serverOracles() []Oracle {
	return []Oracle{
		{
			Name:  "alive",
			Title: "The server is the same process afterwards",
			Rationale: "A server that one client can end is a denial of service. A supervisor that starts it again hides that: " +
				"the process ids tell, those of all that listen on the port. The verdict names the signal or the exit status of the one " +
				"that was started, and the last lines it wrote. Where processes end after a conversation without a fault too, that is how it works.",
			Ref:   "statsd/statsd#591, libevent/libevent#1398",
			Level: outcome.Must, Roles: Servers(),
			Check: func(o Observation) error {
				if o.Crash != nil {
					return fmt.Errorf("the server process ended: %s", *o.Crash)
				}
				if o.Lost != "" {
					return fmt.Errorf("the server is not what it was: %s", o.Lost)
				}
				return nil
			},
		},
		{
			Name:  "serves",
			Title: "A fresh conversation works afterwards",
			Rationale: "What a fault breaks may be nothing that this client sees: a worker that died with its lock, a listener " +
				"that stopped to accept. So the first exchange is held once more, without a proxy.",
			Ref:   "Socket Programming HOWTO; tiny-http/tiny-http#283",
			Level: outcome.Must, Roles: Servers(),
			Check: func(o Observation) error {
				if !o.Died() && o.Fresh != nil {
					return fmt.Errorf("a fresh conversation afterwards does not work: %w", o.Fresh)
				}
				return nil
			},
		},
		{
			Name:  "others",
			Title: "Other clients are served while the fault is in place",
			Rationale: "A fault on one connection is nobody else's business. The moment it has struck, another client holds the first " +
				"exchange, on a connection of its own.",
			Ref:   "mattgodbolt/xania#102, seastar#335",
			Level: outcome.Must, Roles: Servers(),
			Check: func(o Observation) error {
				if !o.Died() && o.Others != nil {
					return fmt.Errorf("another client suffered meanwhile: %w", o.Others)
				}
				return nil
			},
		},
		{
			Name:  "ends",
			Title: "The server ends its side in time after the client's FIN",
			Rationale: "All was asked, all was answered, the client has said goodbye: a socket that stays is a descriptor less for " +
				"everybody. A target that declares idle_timeout may take its time.",
			Ref:   "RFC 9293 §3.6; opensips#3164",
			Level: outcome.Must, Roles: Servers(),
			Restates: true,
			Check:    endsInTime,
		},
		{
			Name:  "clean-end",
			Title: "The server ends a complete conversation with FIN, not with RST",
			Rationale: "close with unread bytes, or with linger time 0, resets the connection: what is still under way to the client " +
				"is lost, answers included.",
			Ref:   "RFC 9293 §3.10.4; RFC 9112 §9.6; aio-libs/aiohttp#927",
			Level: outcome.Should, Roles: Servers(),
			Check: endsCleanly,
		},
		{
			Name:  "progress",
			Title: "Nobody waits for ever while somebody holds data",
			Rationale: "Two peers that both wait, or both write, do so for ever. The verdict names the side that holds data, the " +
				"system call and the descriptor.",
			Ref:   "brltty/brltty#259, libp2p/rust-yamux#112",
			Level: outcome.Must, Roles: Servers(),
			Restates: true,
			Check: func(o Observation) error {
				if o.Played != nil && o.Harmless() && o.Stuck != "" && o.Played.Ending == event.Timeout {
					return errors.New(o.Stuck)
				}
				return nil
			},
		},
		{
			Name:      "extra-bytes",
			Title:     "The server sends nothing that nobody asked for",
			Rationale: "Bytes after the last answer are taken for the answer to the next request by whoever asks it.",
			Ref:       "gwsystems/sledge-serverless-framework#389",
			Level:     outcome.Must, Roles: Servers(),
			Check: func(o Observation) error {
				if p := o.Played; p != nil && o.Harmless() && p.Mismatch != nil && p.Mismatch.Step >= o.steps() {
					return fmt.Errorf("after the last answer came %s", excerpt(p.Mismatch.Got))
				}
				return nil
			},
		},
		growth("descriptors", "A server gives every descriptor back",
			"One that is kept per conversation ends in EMFILE, for everybody, at night. It is counted before and after the "+
				"scenario and again after more of the same: only what grows with each conversation is a leak.",
			"sems-server/sems#322; accept(2) EMFILE", outcome.Must, func(g Growth) int { return g.Descriptors }),
		growth("close-wait", "A server closes what its clients have ended",
			"CLOSE_WAIT is the kernel's word for a process that was told of the end and has not closed. Counted like descriptors.",
			"RFC 9293 §3.3.2; Thunder#1933", outcome.Must, func(g Growth) int { return g.CloseWait }),
		growth("threads", "A server gives every thread back",
			"A thread per connection that never ends holds its stack until no more can be made. Counted like descriptors.",
			"OpenBK7231T_App#2197", outcome.Must, func(g Growth) int { return g.Threads }),
		growth("zombies", "A server waits for its children",
			"Each child that nobody has waited for keeps an entry in the process table. Counted like descriptors.",
			"wait(2); pgexporter/pgexporter#425", outcome.Must, func(g Growth) int { return g.Zombies }),
		{
			Name:  "memory",
			Title: "A server's memory does not grow with each conversation",
			Rationale: "Resident memory is compared over two rounds of the same, after one to warm up: what is kept for use comes to an " +
				"end, a leak goes on at its rate. Less than 8 MiB in a round is not judged.",
			Ref:   "http-kit#180, brpc#1107",
			Level: outcome.Should, Roles: Servers(),
			Check: memoryGrows,
		},
		{
			Name:  "cpu",
			Title: "A server sleeps while nothing moves",
			Rationale: "The end of a stream, or an error, that is taken for \"not yet\" comes again at once, for ever: one processor " +
				"for each such client. Told by the scheduler's own count of every thread when nobody is connected.",
			Ref:   "wg/wrk#167, ovis-hpc/ldms#582",
			Level: outcome.Must, Roles: Servers(),
			Check: func(o Observation) error {
				if r := o.Repeats; r != nil && r.Busy != "" {
					return fmt.Errorf("nobody talks to the server, and %s", r.Busy)
				}
				return nil
			},
		},
	}
}

// endsInTime is for conversations that were complete and that the client ended.
func endsInTime(o Observation) error {
	p := o.Played
	if p == nil || p.Steps < o.steps() || p.ReadEnding != event.Timeout || o.Ending(event.Client) != event.EOF {
		return nil
	}
	if o.Case.Target.Policies.IdleTimeout > 0 || !o.Harmless() || o.Ending(event.Server) != event.Open {
		return nil
	}
	return fmt.Errorf("the server had not ended the connection %s after all was answered and the client had ended it%s", round(p.Elapsed), o.busy())
}

// endsCleanly is for conversations that were complete and that nothing of ours
// has cut.
func endsCleanly(o Observation) error {
	p := o.Played
	if p == nil || p.Steps < o.steps() || !o.Harmless() || o.Ending(event.Server) != event.Reset {
		return nil
	}
	return errors.New("the server ended a complete conversation by reset (RST), want eof (FIN)")
}
