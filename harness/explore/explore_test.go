package explore

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

const twoLines = `dialogue: lines
framing: line
exchanges:
  - {send: "hello\n", expect: "HELLO\n"}
  - {send: "world\n", expect: "WORLD\n"}
end: client closes
`

// serve lets f speak to each client, and returns where.
func serve(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	c := net.ListenConfig{}
	c.SetMultipathTCP(false)
	l, err := c.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); f(conn) }()
		}
	}()
	return l.Addr().String()
}

// rightServer answers whole lines in upper case.
func rightServer(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		if _, err := c.Write(bytes.ToUpper(line)); err != nil {
			return
		}
	}
}

// oneRead takes what one read returns for a line.
func oneRead(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		c.Write(append(bytes.TrimRight(bytes.ToUpper(buf[:n]), "\n"), '\n'))
	}
}

// answersHalf answers what the end cuts off, too.
func answersHalf(c net.Conn) {
	r := bufio.NewScanner(c)
	for r.Scan() {
		c.Write(append(bytes.ToUpper(r.Bytes()), '\n'))
	}
}

func target(address, dialogue string, p scenario.Policies) scenario.Target {
	return scenario.Target{Name: "lines", Server: scenario.Peer{Address: address}, Test: scenario.Server, Policies: p, Dir: ".",
		Client: scenario.Peer{Dialogue: &scenario.Source{File: "lines.yaml", Text: []byte(dialogue)}}}
}

func declared() scenario.Policies {
	yes := true
	return scenario.Policies{HalfClose: scenario.HalfCloseAnswers, Truncated: scenario.TruncationIgnored, Pipelining: &yes}
}

func explored(t *testing.T, o Options) Result {
	t.Helper()
	o.Role, o.Tmp, o.Seed = scenario.Server, t.TempDir(), 1
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func codes(r Result) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Code)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

func TestRightServerHasNoFinding(t *testing.T) {
	r := explored(t, Options{Target: target(serve(t, rightServer), twoLines, declared())})
	if len(r.Findings) > 0 || len(r.Remarks) > 0 || !r.Complete || r.Left != 0 || r.NotReached != 0 {
		t.Errorf("%d findings (%s), remarks %v, complete %v, left %d, not reached %d", len(r.Findings), codes(r), r.Remarks, r.Complete, r.Left, r.NotReached)
	}
}

func TestServersWithOneBug(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string
		place string
	}{
		"one read":     {oneRead, "half-request-answered wrong-answer", "split at bytes 1–5"},
		"answers half": {answersHalf, "half-request-answered", "fin or half_close at bytes 1–5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := explored(t, Options{Target: target(serve(t, c.serve), twoLines, declared()), Faults: []Fault{Split, FIN, HalfClose, Reset}})
			if !strings.Contains(codes(r), c.want) {
				t.Errorf("found %q, want %q", codes(r), c.want)
			}
			f := r.Findings[slices.IndexFunc(r.Findings, func(f Finding) bool { return strings.HasSuffix(c.want, f.Code) })]
			if !strings.Contains(f.Rule, c.place) || f.Confirmed != 3 || f.Witness.Offset != 1 || len(f.Red) == 0 || len(f.Green) == 0 {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestServerThatReadsLate is what a busy machine makes of a server: some of its reads come
// after the time that a point has in a hurry. They must not be taken for reads of the whole.
func TestServerThatReadsLate(t *testing.T) {
	var conns atomic.Int32
	late := func(c net.Conn) {
		if n := conns.Add(1); n > 8 && n%3 == 0 { // not in the controls
			<-time.After(4 * leastQuick)
		}
		oneRead(c)
	}
	r := explored(t, Options{Target: target(serve(t, late), twoLines, declared()), Faults: []Fault{Split}})
	if len(r.Findings) != 2 || !strings.Contains(r.Findings[0].Rule+r.Findings[1].Rule, "split at bytes 1–5, 7–10: ") {
		t.Errorf("found %q: %+v", codes(r), r.Findings)
	}
}

func TestUndeclaredDesignIsARemark(t *testing.T) {
	r := explored(t, Options{Target: target(serve(t, answersHalf), twoLines, scenario.Policies{}), Faults: []Fault{FIN}})
	if len(r.Findings) != 0 || len(r.Remarks) == 0 || r.Remarks[0].Declare != "policies: {truncated: ignored}" {
		t.Errorf("findings %s, remarks %+v", codes(r), r.Remarks)
	}
}

func TestHalfClosePolicies(t *testing.T) {
	closes := func(c net.Conn) { // looks for the end first, as event loops do
		buf := make([]byte, 64)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := c.Read(make([]byte, 1)); err == io.EOF {
				return
			}
			c.SetReadDeadline(time.Time{})
			c.Write(bytes.ToUpper(buf[:n]))
		}
	}
	address := serve(t, closes)
	only := []Fault{FIN}
	if r := explored(t, Options{Target: target(address, twoLines, scenario.Policies{HalfClose: scenario.HalfCloseAnswers}), Faults: only}); codes(r) != "lost-answer" {
		t.Errorf("declared answer: found %q", codes(r))
	}
	if r := explored(t, Options{Target: target(address, twoLines, scenario.Policies{HalfClose: scenario.HalfCloseCloses}), Faults: only}); len(r.Findings)+len(r.Remarks) > 0 {
		t.Errorf("declared close: found %q, %v", codes(r), r.Remarks)
	}
	if r := explored(t, Options{Target: target(address, twoLines, scenario.Policies{}), Faults: only}); len(r.Findings) > 0 || len(r.Remarks) != 1 {
		t.Errorf("undeclared: found %q, %v", codes(r), r.Remarks)
	}
}

func TestSameSeedSameFindings(t *testing.T) {
	o := Options{Target: target(serve(t, oneRead), twoLines, declared()), Faults: []Fault{Split, FIN, Heal}}
	ids := func() (all []string) {
		for _, f := range explored(t, o).Findings {
			all = append(all, f.ID+" "+f.Rule+" "+f.Witness.String())
		}
		return all
	}
	first := ids()
	for range 4 {
		if again := ids(); !slices.Equal(first, again) {
			t.Errorf("first %q, then %q", first, again)
		}
	}
}

func TestUnusableTargets(t *testing.T) {
	wrong := strings.Replace(twoLines, "WORLD", "MARS!", 1)
	dead := serve(t, func(net.Conn) {})
	for name, bad := range map[string]scenario.Target{
		"wrong dialogue": target(serve(t, rightServer), wrong, declared()),
		"no answer":      target(dead, twoLines, declared()),
		"nobody listens": target("127.0.0.1:1", twoLines, declared()),
	} {
		_, err := Run(t.Context(), Options{Target: bad, Role: scenario.Server, Tmp: t.TempDir()})
		if !errors.Is(err, ErrUnusable) {
			t.Errorf("%s: error %v, want one that wraps ErrUnusable", name, err)
		}
	}
}

func TestPointsLimit(t *testing.T) {
	r := explored(t, Options{Target: target(serve(t, rightServer), twoLines, declared()), Points: 17})
	if r.Played != 17 || r.Complete || r.Left != r.Plan.Points-17 {
		t.Errorf("played %d, left %d of %d, complete %v", r.Played, r.Left, r.Plan.Points, r.Complete)
	}
}

func TestStoredFindingIsPlayedFirst(t *testing.T) {
	o := Options{Target: target(serve(t, oneRead), twoLines, declared()), Faults: []Fault{Split}}
	found := explored(t, o).Findings[0]
	o.First, o.Points = []Finding{found}, 1
	again := explored(t, o)
	if len(again.Findings) == 0 || again.Findings[0].ID != found.ID {
		t.Errorf("the stored finding is not found again: %+v", again.Findings)
	}
	var states []State
	o.Observe = func(e Event) {
		if e.Kind == Stored {
			states = append(states, e.Finding.State)
		}
	}
	o.Target = target(serve(t, rightServer), twoLines, declared())
	if r := explored(t, o); len(r.Findings) != 0 || !slices.Equal(states, []State{Resolved}) {
		t.Errorf("findings %s, states %v, want one that is resolved", codes(r), states)
	}
}

func TestStore(t *testing.T) {
	s := Store{Folder: filepath.Join(t.TempDir(), "a", "b")}
	if all, err := s.LoadAll(""); len(all) > 0 || err != nil {
		t.Fatalf("a folder that is not there: %v, %v", all, err)
	}
	o := Options{Target: target(serve(t, oneRead), twoLines, declared()), Faults: []Fault{Split, FIN, Reset, Heal, Coalesce}}
	found := explored(t, o).Findings
	for _, f := range found {
		if err := s.Save(f, 7, []string{"--server", "x {port}"}, "/tmp"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.LoadAll("lines")
	if err != nil || len(all) != len(found) {
		t.Fatalf("%d of %d files: %v", len(all), len(found), err)
	}
	for _, one := range all {
		at := slices.IndexFunc(found, func(f Finding) bool { return f.ID == one.Definition.Found.ID })
		if back := one.ToFinding(); back.Witness != found[at].Witness || back.Code != found[at].Code {
			t.Errorf("wrote %+v, read %+v", found[at].Witness, back.Witness)
		}
		if err := s.SetState(one, Resolved); err != nil {
			t.Fatal(err)
		}
	}
	all, _ = s.LoadAll("lines")
	if got := all[0].Definition.Found.State; got != "resolved" {
		t.Errorf("state %q after SetState", got)
	}
}

// Every point of a conversation can be written as a scenario file.
func TestEveryPointIsAScenario(t *testing.T) {
	e, err := newSearch(t.Context(), Options{Target: target(serve(t, rightServer), twoLines, declared()), Role: scenario.Server, Tmp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.subject.close()
	s := Store{Folder: t.TempDir()}
	for _, one := range e.space.series {
		for at := one.from; at <= one.last(); at++ {
			if one.result(at) == excluded {
				continue
			}
			e.signatures = append(e.signatures, violation("crash", Crash, "it ends", "\x00\"quoted\"\n"))
			f := e.newFinding(int32(len(e.signatures)-1), one.at(at))
			if err := s.Save(f, 1, nil, ""); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadFile(s.Path(f.ID)); err != nil {
				t.Fatalf("%s: %v", one.at(at), err)
			}
		}
	}
}

func TestScheduleVisitsEachPointOnce(t *testing.T) {
	s := &space{series: []*series{
		{points: 3000, results: make([]int32, 3000), borders: []int64{0, 2999}},
		{points: 7, from: 5, results: make([]int32, 7), borders: []int64{5}, point: Point{Direction: event.Downstream}},
	}}
	plan := schedule{space: s}
	seen := map[string]int{}
	for wave := plan.next(); len(wave) > 0; wave = plan.next() {
		for _, p := range wave {
			seen[p.point().String()]++
			result := green
			if p.series == s.series[0] && p.offset > 1234 {
				result = missed
			}
			p.series.setResult(p.offset, result)
		}
	}
	for p, n := range seen {
		if n != 1 {
			t.Errorf("%s was visited %d times", p, n)
		}
	}
	if len(seen) != 3007 {
		t.Errorf("%d points visited, want 3007", len(seen))
	}
}

func TestShardsAreDisjointAndComplete(t *testing.T) {
	e, err := newSearch(t.Context(), Options{Target: target(serve(t, rightServer), twoLines, declared()), Role: scenario.Server, Tmp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.subject.close()
	whole, parts := newSpace(e.layout, Options{}).size(), 0
	for i := 1; i <= 3; i++ {
		parts += newSpace(e.layout, Options{Shard: outcome.Shard{Index: i, Total: 3}}).size()
	}
	if parts != whole {
		t.Errorf("the parts have %d points, the whole has %d", parts, whole)
	}
}
