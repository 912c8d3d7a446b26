package liveness

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func silent() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/silent-beside-healthy",
		Title: "A client that connects and says nothing does not keep another one from being served",
		Rationale: "A server that talks to one client before it accepts the next one, or waits for a first byte or a handshake " +
			"inside its accept loop, is down for everybody while one client thinks, or is a port scanner.",
		Ref:   "Socket Programming HOWTO; catalogue: serial-accept, handshake-in-accept; gd-arnold/tiny-nginx#3",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := speaks(c); err != nil {
				return nil, err
			}
			return []scenario.Variant{beside(c, "", 1, nil, 0)}, nil
		},
	}
}

// The crowd of half-request-beside-healthy: enough to take up every worker of a
// small pool, some of them before they have said anything.
const (
	halves  = 12
	silents = 4
)

// mostHalf bounds how much of a request is sent: what any socket takes.
const mostHalf = 4096

func halfRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/half-request-beside-healthy",
		Title: "Clients that hold half a request each do not keep another one from being served",
		Rationale: "A dozen clients have sent the beginning of a request and stopped: a phone in a tunnel, or Slowloris. Who " +
			"takes up a worker until the rest of a request is there has none left for the next client.",
		Ref:   "Socket Programming HOWTO; CVE-2007-6750; catalogue: workers-starved-by-idle",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := speaks(c); err != nil {
				return nil, err
			}
			request := c.Conversation.Script.Steps[0].Send
			half := request[:min(len(request)/2, mostHalf)]
			if len(half) == 0 {
				return nil, c.Unsupported("the first request is too short to be cut in two")
			}
			return []scenario.Variant{beside(c, "", halves, half, silents)}, nil
		},
	}
}

// crowds are the sizes of an idle crowd. From the given number on a limit of
// clients, or of workers, may be meant.
var crowds = []struct {
	clients int
	level   outcome.Level
}{{1, outcome.Must}, {4, outcome.Must}, {16, outcome.Must}, {64, outcome.Should}, {256, outcome.Info}}

func idleCrowd() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/idle-crowd",
		Title: "Idle clients by the dozen do not keep another one from being served, and leave nothing behind",
		Rationale: "Connections are kept open and idle: by pools, browsers, phones. A fixed number of workers without a limit " +
			"on how long one waits for its client is soon all taken; a socket that is not closed after its client has " +
			"gone is a descriptor less.",
		Ref:   "Socket Programming HOWTO; catalogue: workers-starved-by-idle, eof-ignored-leak",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := speaks(c); err != nil {
				return nil, err
			}
			var out []scenario.Variant
			for _, size := range crowds {
				v := beside(c, fmt.Sprintf("clients=%d", size.clients), size.clients, nil, 0)
				v.Level = size.level
				out = append(out, v)
			}
			return out, nil
		},
	}
}

// beside holds n clients that have sent no more than the given bytes, and as many
// silent ones as told, and lets a fresh client ask. Then all leave, and are let go.
func beside(c scenario.Case, name string, n int, sent []byte, silent int) scenario.Variant {
	v := variant(name, func(ctx context.Context, rig scenario.Rig) error {
		kernel, err := open()
		if err != nil {
			return err
		}
		defer kernel.close()
		var all crowd
		defer func() { all.close() }()
		if err := all.dial(ctx, rig, kernel, n); err != nil && !full(err, all) {
			return err
		}
		talking := len(all)
		if err := all.write(sent); err != nil {
			return err
		}
		if err := all.dial(ctx, rig, kernel, silent); err != nil && !full(err, all) {
			return err
		}
		first, err := kernel.awaitFirst(ctx, all, len(sent))
		if err != nil {
			return err
		}
		rig.Struck(fmt.Sprintf("%d clients with %d bytes sent and %d with none; the first was %s", talking, len(sent), len(all)-talking, first))
		if err := rig.Greet(ctx); err != nil {
			return fmt.Errorf("a fresh client is not served beside %s: %w", those(len(all), len(sent)), err)
		}
		all.close()
		return kernel.awaitReleased(ctx, rig, all)
	})
	v.Budget = 2 * c.Budget
	return v
}

// those names a crowd.
func those(n, sent int) string {
	what := "silent"
	if sent > 0 {
		what = "unfinished"
	}
	if n == 1 {
		return "a " + what + " one"
	}
	return fmt.Sprintf("%d %s ones", n, what)
}
