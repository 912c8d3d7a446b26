package explore

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// An observation is what became of one point.
type observation struct {
	received []byte
	ends     []int64 // where the reply of each step ended
	greeting int64
	sends    [][]byte // what was sent in each step
	steps    int      // complete
	asked    int      // whose request was sent
	ending   event.Ending
	ok       bool     // everything came, and the end as the dialogue says
	wrong    string   // the first wrong bytes, for people; empty: none
	extra    bool     // bytes came after the last reply
	whole    bool     // every reply came, and nothing else
	late     bool     // the wait was over
	stuck    string   // the proof that it would have gone on forever
	stuckIn  string   // program and system call of that
	spins    string   // how busy the peer was when the wait was over
	reached  bool     // the fault struck
	unread   bool     // the peer had not read in time what came before the fault
	flooded  bool     // the peer sent without end
	halved   string   // how a request was answered that was cut off; empty: it was not
	repeated string   // how the answer to a request that came twice differs; empty: it does not
	answers  [][]byte // of each step, over UDP
	others   string   // why another client was not served meanwhile; empty: it was
	dialErr  error
	answered time.Duration // when the last reply was there
	took     time.Duration
	log      []moment // what happened, where somebody wants to know
}

// A moment is one line of a timeline.
type moment struct {
	at   time.Duration
	text string
}

// A dialer plays the client of a dialogue.
type dialer struct {
	way     way
	layout  *layout // nil during calibration
	script  *dialogue.Script
	diag    *sock.Diag
	wait    time.Duration // for what should happen at once
	endWait time.Duration // for the end of a stream that is complete; 0: wait
	watch   func(ctx context.Context, w *wire, o *observation) bool
	other   func(ctx context.Context) error // another client's conversation
	logs    bool
	ahead   bool // requests that the fault does not concern leave together
}

// play holds one conversation with the point's fault in it; nil is none.
func (d *dialer) play(ctx context.Context, p *Point) (o observation) {
	began := time.Now()
	defer func() { o.took = time.Since(began) }()
	conn, err := d.way.connect(ctx, max(d.wait, time.Second))
	if err != nil {
		o.dialErr, o.ending = err, dialogue.EndingOf(err)
		return o
	}
	w := newWire(conn, d.diag)
	if d.layout != nil {
		w.expect(max(d.layout.down.ByteCount(), int64(len(d.layout.down.Bytes))))
	}
	own := *d
	t := &turn{dialer: &own, wire: w, point: p, script: d.script.ForConnection(), out: &o, began: began}
	if w.datagrams {
		(&datagramTurn{turn: t}).run(ctx)
	} else {
		t.run(ctx)
	}
	t.closeData()
	w.close()
	o.received, o.ending, o.unread, o.flooded = w.got, w.ending, w.unread, w.flooded()
	if o.late {
		o.ending = event.Timeout
	}
	return o
}

// A turn is one conversation while it is played.
type turn struct {
	*dialer
	wire   *wire
	point  *Point
	script *dialogue.Script
	out    *observation
	began  time.Time
	upAt   int64 // bytes of the requests before this step

	data     dialogue.Conn // of the step that is played; nil: it has none, or that is over
	dataStep int           // whose it is
}

func (t *turn) note(format string, args ...any) {
	if t.logs {
		t.out.log = append(t.out.log, moment{time.Since(t.began), fmt.Sprintf(format, args...)})
	}
}

func (t *turn) steps() int {
	n := len(t.script.Steps)
	if t.point != nil && t.point.Exchanges > 0 {
		n = min(n, t.point.Exchanges)
	}
	return n
}

func (t *turn) run(ctx context.Context) {
	if p := t.point; p != nil && p.Direction == event.Downstream {
		t.wire.most = int(p.Offset)
	}
	if len(t.script.Greeting) > 0 && !t.reply(ctx, -1) {
		return
	}
	t.out.greeting = int64(t.wire.taken)
	if t.point != nil && t.point.Pipelined {
		t.sendAhead(ctx)
		return
	}
	if t.playFrom(ctx, 0) {
		t.finish(ctx)
	}
}

// playFrom plays the steps from i on, and reports whether all of them are complete.
func (t *turn) playFrom(ctx context.Context, i int) bool {
	for i < t.steps() {
		n := t.together(i)
		if n > 1 && !t.playTogether(ctx, i, n) || n <= 1 && !t.step(ctx, i) {
			return false
		}
		i += max(1, n)
	}
	return true
}

// step plays one exchange, and reports whether the next one follows.
func (t *turn) step(ctx context.Context, i int) bool {
	step := t.script.StepNow(i)
	t.out.sends = append(t.out.sends, step.Send)
	if !t.openData(ctx, i) {
		return false
	}
	from := t.upAt
	t.upAt += int64(len(step.Send))
	if p := t.point; p != nil && p.Direction == event.Upstream && !t.out.reached {
		if p.liesIn(from, t.upAt) {
			return t.strike(ctx, i, step.Send, p.Offset-from)
		}
		if p.Split > from && p.Split < t.upAt {
			t.sendSplit(ctx, step.Send, p.Split-from)
			return t.answer(ctx, i, step)
		}
	}
	t.sendBytes(step.Send)
	t.out.asked = i + 1
	return t.answer(ctx, i, step)
}

func (t *turn) sendBytes(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	t.note("client  %s to the server", plural.Count(len(b), "byte"))
	return t.wire.send(b, t.wait)
}

// answer half-closes where the dialogue does, and awaits the reply.
func (t *turn) answer(ctx context.Context, i int, step dialogue.Step) bool {
	if step.ShutdownWrite {
		t.wire.finish()
	}
	return t.reply(ctx, i) && t.playData(ctx)
}

// reply awaits the reply of step i; -1 is the greeting.
func (t *turn) reply(ctx context.Context, i int) bool {
	w := t.wire
	for {
		n, match := t.script.MatchReply(i, w.got[w.taken:], w.ending != event.Open)
		if match == dialogue.ReplyMatched && !(w.most > 0 && w.full()) {
			w.taken += n
			if i >= 0 {
				t.out.ends = append(t.out.ends, int64(w.taken))
				t.out.steps = i + 1
			}
			if n > 0 {
				t.note("server  %s to the client", plural.Count(n, "byte"))
			}
			return true
		}
		if match == dialogue.ReplyDiffers && w.most == 0 {
			t.settle(ctx)
			t.out.wrong = t.script.DescribeReply(i, n, w.got[w.taken:], int64(w.taken))
			t.note("server  %s", quoteStart(w.got[w.taken:]))
			return false
		}
		switch {
		case w.most > 0 && w.full():
			return t.strikeDown(ctx)
		case w.ending != event.Open:
			t.note("server  %s", endingText(w.ending))
			return false
		case !t.await(ctx):
			t.out.late = true
			return false
		}
	}
}

// settle reads what follows wrong bytes at once, so that the report shows it.
func (t *turn) settle(ctx context.Context) {
	t.wire.finish()
	for range 64 {
		if t.wire.ending != event.Open || !t.wire.read(time.Now().Add(20*time.Millisecond)) {
			return
		}
	}
}

// await waits for more from the peer, or for its end; false says that the wait was over.
func (t *turn) await(ctx context.Context) bool {
	w := t.wire
	if t.watch == nil {
		return w.read(time.Now().Add(t.wait))
	}
	if w.read(time.Now().Add(firstLook)) {
		return true
	}
	return t.watch(ctx, w, t.out)
}

// firstLook is how long a peer that is watched may take before somebody looks at it.
const firstLook = 5 * time.Millisecond

// finish plays the end that the dialogue declares.
func (t *turn) finish(ctx context.Context) {
	w := t.wire
	t.out.answered = time.Since(t.began)
	if t.script.End != dialogue.ServerCloses || t.steps() < len(t.script.Steps) {
		w.finish()
		t.note("client  FIN")
	}
	if t.endWait > 0 {
		t.wait = t.endWait
	}
	t.drain(ctx)
	extra := len(w.got) > w.taken
	if extra {
		t.out.extra = true
		t.out.wrong = t.script.DescribeReply(len(t.script.Steps), 0, w.got[w.taken:], int64(w.taken))
	}
	t.out.whole = !extra
	t.out.ok = !extra && !t.out.late && w.ending == event.EOF
}

// drain reads to the end of the stream.
func (t *turn) drain(ctx context.Context) {
	defer t.besideData(ctx)()
	w := t.wire
	before := len(w.got)
	for w.ending == event.Open && !w.full() {
		if !t.await(ctx) {
			t.out.late = true
			return
		}
	}
	if n := len(w.got) - before; n > 0 {
		t.note("server  %s", quoteStart(w.got[before:]))
	}
	t.note("server  %s", endingText(w.ending))
}
