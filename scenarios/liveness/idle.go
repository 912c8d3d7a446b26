package liveness

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

func silentClients() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/silent-beside-healthy",
		Title: "An idle client does not block other clients",
		Rationale: "Some servers finish with one client before they accept the next one, or wait for a first byte or a " +
			"handshake inside the accept loop. One idle client or port scanner makes them unavailable to all others.",
		Ref:   "Socket Programming HOWTO; catalogue: serial-accept, handshake-in-accept; gd-arnold/tiny-nginx#3",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			return []scenario.Variant{besideClients(c, "", 1, nil, 0)}, nil
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
		Title: "Clients that stop in the middle of a request do not block other clients",
		Rationale: "A dozen clients send the beginning of a request and stop, like a phone in a tunnel or a Slowloris attack. " +
			"If each of them occupies a worker until its request is complete, no worker is free for the next client. " +
			"Where the target declares an idle_timeout, which frees the workers again, this is level should.",
		Ref:   "Socket Programming HOWTO; CVE-2007-6750; catalogue: workers-starved-by-idle",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			request := c.Conversation.Script.Steps[0].Send
			half := request[:min(len(request)/2, mostHalf)]
			if len(half) == 0 {
				return nil, c.UnsupportedErrorf("the first request is too short to be split")
			}
			v := besideClients(c, "", halves, half, silents)
			v.Level = crowdLevel(c, halves+silents, outcome.Must)
			return []scenario.Variant{v}, nil
		},
	}
}

// crowds are the sizes of an idle crowd. From the given number on a limit of
// clients, or of workers, may be meant.
var crowds = []struct {
	clients int
	level   outcome.Level
}{{1, outcome.Must}, {4, outcome.Must}, {16, outcome.Must}, {64, outcome.Should}, {256, outcome.Info}}

// queueing is from how many idle clients on a new client may have to wait for their time
// limit: a server with few workers and a limit that it declares serves everybody in the end.
const queueing = 16

// crowdLevel is the level of what a crowd of n idle clients keeps from a new one.
func crowdLevel(c scenario.Case, n int, level outcome.Level) outcome.Level {
	if limited := c.Target.Policies.IdleTimeout > 0; limited && n >= queueing && level == outcome.Must {
		return outcome.Should
	}
	return level
}

func idleCrowd() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/idle-crowd",
		Title: "Many idle clients do not block other clients or leak descriptors",
		Rationale: "Connection pools, browsers and phones keep idle connections open. If each of them occupies one of a fixed " +
			"number of workers without a time limit, all workers are soon occupied. A socket that is not closed after " +
			"its client has gone is a leaked descriptor. Where the target declares an idle_timeout, 16 clients and more " +
			"are level should.",
		Ref:   "Socket Programming HOWTO; catalogue: workers-starved-by-idle, eof-ignored-leak",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			var out []scenario.Variant
			for _, size := range crowds {
				v := besideClients(c, fmt.Sprintf("clients=%d", size.clients), size.clients, nil, 0)
				v.Level = crowdLevel(c, size.clients, size.level)
				out = append(out, v)
			}
			return out, nil
		},
	}
}

// besideClients holds n clients that have sent no more than the given bytes, and as many
// silent ones as told, and lets a fresh client ask. Then all leave, and are let go.
func besideClients(c scenario.Case, name string, n int, sent []byte, silent int) scenario.Variant {
	return scenario.ActVariant(name, 2*c.Budget, func(ctx context.Context, rig scenario.Rig) error {
		kernel, err := openView()
		if err != nil {
			return err
		}
		defer kernel.closeView()
		var all crowd
		defer func() { all.closeAll() }()
		if err := all.dialClients(ctx, rig, kernel, n); err != nil && !queueFull(err, all) {
			return err
		}
		talking := len(all)
		if err := all.writeAll(sent); err != nil {
			return err
		}
		if err := all.dialClients(ctx, rig, kernel, silent); err != nil && !queueFull(err, all) {
			return err
		}
		first, err := kernel.awaitFirst(ctx, all, len(sent))
		if err != nil {
			return err
		}
		rig.ReportStruck(fmt.Sprintf("connected clients: %s; the first one was %s", describeConnected(talking, len(all)-talking, len(sent))+describeTurnedAway(n+silent-len(all)), first))
		if err := rig.FirstExchange(ctx); err != nil {
			return fmt.Errorf("a new client was not served next to %s: %w", describeCrowd(len(all), len(sent)), err)
		}
		all.closeAll()
		return kernel.awaitReleased(ctx, rig, all)
	})
}

// describeCrowd names a crowd.
func describeCrowd(n, sent int) string {
	what := "silent"
	if sent > 0 {
		what = "unfinished"
	}
	if n == 1 {
		return "a " + what + " one"
	}
	return fmt.Sprintf("%d %s ones", n, what)
}

// describeTurnedAway counts the clients that the kernel did not let in.
func describeTurnedAway(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d not, because the accept queue was full", n)
}

// describeConnected counts the clients that have sent a part of a request, and the silent ones.
func describeConnected(talking, silent, sent int) string {
	if sent == 0 {
		return fmt.Sprintf("%d silent", talking+silent)
	}
	return fmt.Sprintf("%d after %s of a request, %d silent", talking, plural.Count(sent, "byte"), silent)
}
