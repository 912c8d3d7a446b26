// Package mutate proves that scenarios can fail: it puts a relay around the program
// under test that lies in one way, so that scenarios that are played to it must fail.
//
//	for _, m := range mutate.Mutations(scenario.Server) {
//		fmt.Println(m.Name, m.Summary) // lose-last-byte, double-reply, never-end, …
//	}
//	status := mutate.Main(ctx, spec, args) // in the process that stands in for the program
//
// A lie is about one thing that a program does: its bytes, how it ends a connection, or
// what its process does. [Judge] tells which lies nobody noticed.
package mutate

import (
	"bytes"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// A Mutation is one way to lie.
type Mutation struct {
	Name    string        // its name in reports
	Summary string        // what the mutant does wrong
	Hint    string        // what a scenario must say to notice it
	Role    scenario.Role // which peer it stands in for

	// message returns what is sent in place of a message of the program; nil: as it is.
	message func(p *pair, m []byte) [][]byte
	// end returns how the peer sees the end of what the program sends; nil: as it is.
	end func(p *pair, e event.Ending) event.Ending
	// heard is called with bytes from the peer before the program gets them; false: it
	// does not get them.
	heard func(p *pair, b []byte) bool
	// hidesEnd keeps the end of what the peer sends from the program.
	hidesEnd bool
	// dropAtFIN resets the connection when the peer has sent FIN.
	dropAtFIN bool
	// opened is called with a new connection; false: it is refused.
	opened func(p *pair) bool
	// closed is called when a connection is over.
	closed func(p *pair)
	// exit returns the exit status in place of the program's; nil: the same.
	exit func(r *relay, code int) int
	// noTerm keeps SIGTERM from the program.
	noTerm bool
	// atStop says that the lie is told whenever the run stops the program, too.
	atStop bool
	// mute swallows what the program writes to stdout.
	mute bool
}

// IsToldAtStop reports whether the lie is told whenever the run stops the program, and
// so proves nothing unless a scenario does.
func (m Mutation) IsToldAtStop() bool { return m.atStop }

// Faithful is the name of the mutation that does not lie.
const Faithful = "faithful"

// Mutations returns the lies about programs of the role, in the order of reports.
func Mutations(role scenario.Role) []Mutation {
	if role == scenario.Client {
		return clientMutations()
	}
	return serverMutations()
}

// Find returns the mutation of that name and role; [Faithful] is one.
func Find(role scenario.Role, name string) (Mutation, bool) {
	all := Mutations(role)
	at := slices.IndexFunc(all, func(m Mutation) bool { return m.Name == name })
	switch {
	case name == Faithful:
		return Mutation{Name: Faithful, Role: role}, true
	case at < 0:
		return Mutation{}, false
	}
	return all[at], true
}

func serverMutations() []Mutation {
	return slices.Concat(replyMutations(), endMutations(), processMutations())
}

// replyMutations lie about what the server says.
func replyMutations() []Mutation {
	return asRole(scenario.Server, []Mutation{
		{Name: "lose-last-byte", Summary: "each reply lacks its last byte before the line end", Hint: "expect all bytes of a reply", message: loseLastByte},
		{Name: "change-byte", Summary: "one byte of each reply is another one", Hint: "expect all bytes of a reply", message: changeByte},
		{Name: "double-reply", Summary: "each reply is sent twice", Hint: "expect the reply of the next request, or silence, or eof after the reply", message: doubleReply},
		{Name: "swap-replies", Summary: "two replies that are ready at once come in the other order", Hint: "send two requests at once and expect both replies", message: swapReplies},
		{Name: "lose-second-reply", Summary: "the second reply on a connection never comes", Hint: "send a second request on a connection", message: loseSecond},
		{Name: "empty-reply", Summary: "nothing is ever answered", Hint: "expect a reply", message: func(p *pair, _ []byte) [][]byte { p.act(); return [][]byte{} }},
		{Name: "answer-early", Summary: "the first reply of a connection is sent when the first byte of the request has come", Hint: "send a part of a request, then expect silence, for: 200ms", message: keepFirst, heard: answerEarly},
		{Name: "greet", Summary: "it says something before the first request", Hint: "expect the first bytes that come", opened: greet},
		{Name: "forget-request", Summary: "bytes that come in a second piece are lost", Hint: "send a request in two pieces with a boundary between them", heard: forgetSecondPiece},
	})
}

// endMutations lie about how connections end.
func endMutations() []Mutation {
	return asRole(scenario.Server, []Mutation{
		{Name: "never-end", Summary: "the connection stays open when the server has closed it", Hint: "expect eof where the server ends a connection", end: lieAbout(event.EOF, event.Open)},
		{Name: "reset-for-fin", Summary: "the connection ends by RST where the server has sent FIN", Hint: "expect eof and not closed", end: lieAbout(event.EOF, event.Reset)},
		{Name: "fin-for-reset", Summary: "the connection ends by FIN where the server has sent RST", Hint: "expect reset and not closed", end: lieAbout(event.Reset, event.EOF)},
		{Name: "end-early", Summary: "the connection ends after the first reply", Hint: "send a second request on a connection", message: endEarly},
		{Name: "last-words", Summary: "something more is said before the connection ends", Hint: "expect eof right after the last reply", end: lastWords},
		{Name: "deaf-to-fin", Summary: "the server is not told that its client has ended", Hint: "shutdown: write, then expect eof; or check that no descriptor is left", hidesEnd: true},
		{Name: "drop-at-fin", Summary: "the connection is reset when its client half-closes", Hint: "shutdown: write before the reply has come, then expect the reply", dropAtFIN: true},
		{Name: "refuse-second", Summary: "a second connection at the same time is reset", Hint: "use two connections side by side", opened: refuseSecond},
	})
}

// processMutations lie about what the server's process does.
func processMutations() []Mutation {
	return asRole(scenario.Server, []Mutation{
		{Name: "crash-at-end", Summary: "the process ends with status 1 when a connection has ended", Hint: "check: {alive: true}", closed: func(p *pair) { p.act(); p.relay.crash(1) }},
		{Name: "leak-descriptor", Summary: "each connection leaves a descriptor open", Hint: "check: {descriptors: same}", closed: leakDescriptor},
		{Name: "spin", Summary: "the process computes without end once a client has reset a connection", Hint: "reset: true, then check: {cpu: idle}", closed: spin},
		{Name: "ignore-term", Summary: "SIGTERM does nothing", Hint: "server: terminate, then check: {exit: 0}", noTerm: true, atStop: true},
		{Name: "wrong-exit", Summary: "the process ends with another exit status", Hint: "server: terminate, then check: {exit: 0}", exit: wrongExit, atStop: true},
	})
}

func clientMutations() []Mutation {
	return asRole(scenario.Client, []Mutation{
		{Name: "lose-last-byte", Summary: "each request lacks its last byte before the line end", Hint: "expect all bytes of a request", message: loseLastByte},
		{Name: "change-byte", Summary: "one byte of each request is another one", Hint: "expect all bytes of a request", message: changeByte},
		{Name: "double-request", Summary: "each request is sent twice", Hint: "expect eof, or the next request, after the request", message: doubleReply},
		{Name: "reset-for-fin", Summary: "the connection ends by RST where the client has sent FIN", Hint: "expect eof and not closed", end: lieAbout(event.EOF, event.Reset)},
		{Name: "connect-again", Summary: "another connection is made when one has ended", Hint: "check: {connections: 1}", closed: connectAgain},
		{Name: "report-success", Summary: "the exit status is 0 whatever has happened", Hint: "check: {exit: …} where the conversation fails", exit: func(r *relay, code int) int { return r.exitInstead(code, 0) }},
		{Name: "report-failure", Summary: "the exit status is never 0", Hint: "check: {exit: 0}", exit: func(r *relay, code int) int { return r.exitInstead(code, max(code, 1)) }},
		{Name: "no-output", Summary: "nothing is written to stdout", Hint: "check: {output: …}", mute: true},
		{Name: "hang", Summary: "the process does not end", Hint: "check: {alive: false} or exit", exit: func(r *relay, code int) int { r.act(); <-r.ctx.Done(); return code }},
	})
}

func asRole(role scenario.Role, all []Mutation) []Mutation {
	for i := range all {
		all[i].Role = role
	}
	return all
}

// lieAbout turns one ending into another one.
func lieAbout(from, to event.Ending) func(*pair, event.Ending) event.Ending {
	return func(p *pair, e event.Ending) event.Ending {
		if e != from {
			return e
		}
		p.actAtEnd()
		return to
	}
}

// bodySize is the length of a message without its line end.
func bodySize(m []byte) int { return len(bytes.TrimRight(m, "\r\n")) }

func loseLastByte(p *pair, m []byte) [][]byte {
	n := bodySize(m)
	if n == 0 {
		return [][]byte{m}
	}
	p.act()
	return [][]byte{slices.Concat(m[:n-1], m[n:])}
}

func changeByte(p *pair, m []byte) [][]byte {
	n := bodySize(m)
	if n == 0 {
		return [][]byte{m}
	}
	p.act()
	changed := bytes.Clone(m)
	changed[n-1] ^= 1
	return [][]byte{changed}
}

func doubleReply(p *pair, m []byte) [][]byte { p.act(); return [][]byte{m, m} }

// swapReplies holds a message back until the next one is there, for a moment.
func swapReplies(p *pair, m []byte) [][]byte {
	if p.held == nil {
		p.held = m
		return [][]byte{}
	}
	held := p.held
	p.held = nil
	if bytes.Equal(held, m) {
		return [][]byte{held, m}
	}
	p.act()
	return [][]byte{m, held}
}

func loseSecond(p *pair, m []byte) [][]byte {
	if p.messages == 2 {
		p.act()
		return [][]byte{}
	}
	return [][]byte{m}
}

// keepFirst remembers the first reply of a connection for the connections after it.
func keepFirst(p *pair, m []byte) [][]byte {
	switch {
	case p.messages != 1:
	case p.answered:
		return [][]byte{}
	default:
		p.relay.rememberReply(m)
	}
	return [][]byte{m}
}

func answerEarly(p *pair, _ []byte) bool {
	if reply := p.relay.rememberedReply(); reply != nil && !p.heardAny {
		p.act()
		p.answered = true
		p.toPeer(reply)
	}
	return true
}

func greet(p *pair) bool {
	p.act()
	p.toPeer([]byte("HELLO\n"))
	return true
}

// forgetSecondPiece loses what comes a moment after the first bytes, before any reply.
func forgetSecondPiece(p *pair, b []byte) bool {
	if p.heardAny && p.sent() == 0 && time.Since(p.lastHeard) < time.Second {
		p.act()
		return false
	}
	return true
}

func endEarly(p *pair, m []byte) [][]byte {
	if p.messages > 1 {
		return [][]byte{}
	}
	p.act()
	p.endAfter = true
	return [][]byte{m}
}

func lastWords(p *pair, e event.Ending) event.Ending {
	if e == event.EOF {
		p.actAtEnd()
		p.toPeer([]byte("BYE\n"))
	}
	return e
}

func refuseSecond(p *pair) bool {
	if p.relay.openPairs() < 2 {
		return true
	}
	p.act()
	return false
}

func wrongExit(r *relay, code int) int {
	if code == 0 {
		return r.exitInstead(code, 7)
	}
	return r.exitInstead(code, 0)
}
