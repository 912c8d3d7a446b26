package runner

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// A store is a server whose connections share one table. It counts the conversations
// that change it at the same time.
type store struct {
	mu     sync.Mutex // guards what follows
	table  map[string]string
	asked  int
	active map[string]int // connections that have set the key
	most   int
}

func newStore() *store { return &store{table: map[string]string{}, active: map[string]int{}} }

func (s *store) serve(conn net.Conn) {
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := fmt.Fprintln(conn, s.answer(strings.Fields(line))); err != nil {
			return
		}
	}
}

func (s *store) answer(words []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := words[len(words)-1]
	old, found := s.table[key]
	switch words[0] {
	case "COUNT":
		s.asked++
		return fmt.Sprint(s.asked)
	case "ADD":
		s.table[key] = "1"
		s.active[key]++
		s.most = max(s.most, s.active[key])
		if found {
			return "EXISTS"
		}
		return "STORED"
	case "SET":
		s.table[key] = "1"
		s.active[key]++
		s.most = max(s.most, s.active[key])
		return "STORED"
	case "DEL":
		delete(s.table, key)
		s.active[key] = 0
		return map[bool]string{true: "DELETED", false: "NOT_FOUND"}[found]
	}
	if !found {
		return "NONE"
	}
	return old
}

const storeDialogue = `dialogue: store
framing: line
exchanges:
  - {send: "SET KEY\n", expect: "STORED\n"}
  - {send: "GET KEY\n", expect: "1\n"}
  - {send: "DEL KEY\n", expect: "DELETED\n"}
  - {send: "GET KEY\n", expect: "NONE\n"}
`

// talkingTo is a target at the server with a dialogue of its own.
func talkingTo(t *testing.T, server func(net.Conn), talk string) scenario.Target {
	t.Helper()
	target := serve(t, server)
	target.Client.Dialogue = &scenario.Source{File: "store.yaml", Text: []byte(talk)}
	return target
}

// sweeping cuts the requests at many places, each of which must go well.
func sweeping() scenario.Scenario {
	var variants []scenario.Variant
	for at := range int64(18) {
		variants = append(variants, scenario.Variant{Name: fmt.Sprintf("byte=%d", at+1),
			Faults: []spec.Spec{scenario.SplitAt(event.Upstream, at+1)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}})
	}
	return playing(variants...)
}

func runAll(t *testing.T, target scenario.Target, s scenario.Scenario) []outcome.Result {
	t.Helper()
	r := New(Config{Seed: 1, Budget: 2 * time.Second, Tmp: t.TempDir()})
	defer r.Close()
	return r.RunScenario(t.Context(), target, s)
}

func wantPasses(t *testing.T, results []outcome.Result, n int) {
	t.Helper()
	if len(results) != n {
		t.Errorf("got %d results, want %d", len(results), n)
	}
	for _, r := range results {
		if r.Verdict != outcome.Pass {
			t.Errorf("got %s %s: %s, want a pass", r.Variant, r.Verdict, r.Message)
		}
	}
}

func remarks(results []outcome.Result) (all []outcome.Remark) {
	for _, r := range results {
		all = append(all, r.Remarks...)
	}
	return all
}

func TestConversationsThatShareStateArePlayedOneAtATime(t *testing.T) {
	results := runAll(t, talkingTo(t, newStore().serve, strings.ReplaceAll(storeDialogue, "KEY", "a")), sweeping())
	wantPasses(t, results, 18)
	if all := remarks(results); len(all) != 1 || !strings.Contains(all[0].Text, "share state") || !strings.Contains(all[0].Declare, "state: shared") {
		t.Errorf("got the remarks %q, want one that says that state is shared", all)
	}
}

func TestDeclaredStateIsNoRemark(t *testing.T) {
	target := talkingTo(t, newStore().serve, strings.ReplaceAll(storeDialogue, "KEY", "a"))
	target.State = scenario.StateShared
	results := runAll(t, target, sweeping())
	wantPasses(t, results, 18)
	if all := remarks(results); len(all) != 0 {
		t.Errorf("got the remarks %q of what is declared", all)
	}
}

func TestOwnKeysArePlayedSideBySide(t *testing.T) {
	s := newStore()
	results := runAll(t, talkingTo(t, s.serve, strings.ReplaceAll(storeDialogue, "KEY", "${connection}")), sweeping())
	wantPasses(t, results, 18)
	if s.most != 1 || len(s.active) < 18 {
		t.Errorf("got %d keys, %d connections on one of them; want one for each conversation", len(s.active), s.most)
	}
	if all := remarks(results); len(all) != 0 {
		t.Errorf("got the remarks %q", all)
	}
}

// The name goes to the client that logs in last. The connection that had it is closed.
func loggingIn() func(net.Conn) {
	var mu sync.Mutex
	var held net.Conn
	return func(conn net.Conn) {
		lines := bufio.NewReader(conn)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if !strings.HasPrefix(line, "LOGIN") {
				fmt.Fprint(conn, "PONG\n")
				continue
			}
			mu.Lock()
			old := held
			held = conn
			mu.Unlock()
			if old != nil && old != conn {
				old.Close()
			}
			fmt.Fprint(conn, "OK\n")
		}
	}
}

const loginDialogue = "{dialogue: login, framing: line, exchanges: [{send: \"LOGIN me\\n\", expect: \"OK\\n\"}, {send: \"PING\\n\", expect: \"PONG\\n\"}, {send: \"PING\\n\", expect: \"PONG\\n\"}]}"

func TestOtherClientsSayWhatDisturbsNobody(t *testing.T) {
	wantPasses(t, runAll(t, talkingTo(t, loggingIn(), loginDialogue), sweeping()), 18)
}

func TestTrialFindsWhatCannotCollide(t *testing.T) {
	for _, c := range []struct {
		name, talk string
		server     func(net.Conn)
		staggered  int
		beside     string // what the exchange begins with; empty: there is none
	}{
		{"store", strings.ReplaceAll(storeDialogue, "KEY", "a"), newStore().serve, 1, ""},
		{"login", loginDialogue, loggingIn(), 1, "PING"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := talkingTo(t, c.server, c.talk)
			b := newTargetRun(Config{Seed: 1, Tmp: t.TempDir()}.withDefaults(), nil, target)
			defer b.closeAll()
			if err := b.ensureReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := b.Conversation()
			if got.State != scenario.StateShared || got.Staggered != c.staggered {
				t.Errorf("got state %q and %d exchanges beside one more, want shared and %d", got.State, got.Staggered, c.staggered)
			}
			beside := ""
			if got.Beside != nil {
				beside = string(got.Beside.RequestBytes())
			}
			if (beside == "") != (c.beside == "") || !strings.HasPrefix(beside, c.beside) {
				t.Errorf("got %q for other clients to say, want %q", beside, c.beside)
			}
		})
	}
}

// The next client fails because of what a client that left early has stored.
func TestStateThatOutlivesALeaverBlocksAForeignServer(t *testing.T) {
	talk := strings.Replace(strings.ReplaceAll(storeDialogue, "KEY", "a"), "SET", "ADD", 1)
	results := runAll(t, talkingTo(t, newStore().serve, talk), sweeping())
	if len(results) != 1 || results[0].Verdict != outcome.Blocked || !strings.Contains(results[0].Message, "${connection}") {
		t.Errorf("got %+v, want blocked with what to write", results)
	}
}

func TestCounterBlocksAForeignServer(t *testing.T) {
	talk := "{dialogue: count, framing: line, exchanges: [{send: \"COUNT\\n\", expect: \"1\\n\"}]}"
	results := runAll(t, talkingTo(t, newStore().serve, talk), sweeping())
	if len(results) != 1 || results[0].Verdict != outcome.Blocked || !strings.Contains(results[0].Message, "left state behind") {
		t.Errorf("got %+v, want blocked by what the first conversation has left", results)
	}
}

// A server that serves one client at a time lets the second one wait. That is no state; scenarios find
// out what it does to other clients.
func TestWaitingIsNotDisturbed(t *testing.T) {
	var turn sync.Mutex
	target := talkingTo(t, func(conn net.Conn) { turn.Lock(); defer turn.Unlock(); upper(conn) }, conversation)
	b := newTargetRun(Config{Seed: 1, Tmp: t.TempDir()}.withDefaults(), nil, target)
	defer b.closeAll()
	if err := b.ensureReady(t.Context()); err != nil || b.State() != scenario.StateConnection {
		t.Errorf("got state %q (%v), want that of the connection", b.State(), err)
	}
}

// Clients of a scenario's own code run one after the other if they would disturb each other.
func TestAskInTurn(t *testing.T) {
	target := talkingTo(t, loggingIn(), loginDialogue)
	s := playing(scenario.Variant{Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()}, Run: func(ctx context.Context, rig scenario.Rig) error {
		first, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		second, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		return rig.FirstExchanges(ctx, first, second)
	}})
	wantPasses(t, runAll(t, target, s), 1)
}

// inUse refuses a name until it has noticed that the client which had it has left.
const inUse = `
import socket, sys, threading, time
held, lock = {}, threading.Lock()
def serve(c):
    with c:
        for line in c.makefile('rb'):
            with lock: taken = held.setdefault('me', c) is not c
            if taken: return
            c.sendall(b'OK\n')
        time.sleep(.02)
        with lock: held.get('me') is c and held.clear()
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
`

// The next conversation begins when the server has ended the one before.
func TestServerIsThroughWithTheLastClient(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: no python3")
	}
	target := talkingTo(t, nil, "{dialogue: name, framing: line, exchanges: [{send: \"LOGIN me\\n\", expect: \"OK\\n\"}, {send: \"HELLO to me\\n\", expect: \"OK\\n\"}]}")
	target.Server = scenario.Peer{Command: []string{python, "-c", inUse, "{port}"}}
	results := runAll(t, target, sweeping())
	wantPasses(t, results, 18)
	if all := remarks(results); len(all) != 1 || !strings.Contains(all[0].Declare, "state: shared") {
		t.Errorf("got the remarks %q, want that state is shared", all)
	}
	ask := playing(scenario.Variant{Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()}, Run: func(ctx context.Context, rig scenario.Rig) error {
		first, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		second, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		return rig.FirstExchanges(ctx, first, second)
	}})
	wantPasses(t, runAll(t, target, ask), 1)
}
