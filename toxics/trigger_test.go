package toxics

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/spec"
)

func TestTriggerCutsExactly(t *testing.T) {
	for _, c := range []struct {
		at     string
		sent   []string
		passed []string
		offset int
	}{
		{"at.byte=3", []string{"hello"}, []string{"hel"}, 3},
		{"at.byte=5", []string{"hello"}, []string{"hello"}, 5},
		{"at.pattern=lo", []string{"hel", "lo", "rest"}, []string{"hel", "lo"}, 5},
		{"at.pattern=lo", []string{"hel", "o wo", "rlo!"}, []string{"hel", "o"}, 4},
		{`at.pattern=\r\n\r\n`, []string{"a\r\n\r", "\r\n\r", "\nb"}, []string{"a\r\n\r", "\r\n\r", "\n"}, 8},
		{"at.pattern=aabaaa", []string{"aabaabaaabaaa"}, []string{"aabaabaaa"}, 9},
		{"at.segment=1", []string{"hello"}, nil, 0},
		{"at.segment=3", []string{"a", "bc", "def"}, []string{"a", "bc"}, 3},
	} {
		t.Run(fmt.Sprint(c.at, c.sent), func(t *testing.T) {
			b := benchWith(t, newWire(t), "half_close "+c.at)
			go func() {
				for _, s := range c.sent {
					select {
					case <-b.done:
					default:
						b.trySend(s)
					}
				}
			}()
			for _, p := range c.passed {
				b.expect(p)
			}
			b.expectClosed()
			b.expectStruck(fmt.Sprint(c.offset, ": "))
		})
	}
}

func TestTriggersWhileNoDataFlows(t *testing.T) {
	for at, happen := range map[string]func(*fakeWire){
		"at.time=200ms":   func(*fakeWire) {},
		"at.event=answer": func(w *fakeWire) { close(w.answered) },
		"at.event=fin":    func(w *fakeWire) { w.EventHappened(event.FIN); close(w.happened[event.FIN]) },
		"at.event=rst":    func(w *fakeWire) { w.EventHappened(event.RST); close(w.happened[event.RST]) },
		"at.event=accept": func(w *fakeWire) { w.EventHappened(event.Accept); close(w.happened[event.Accept]) },
	} {
		t.Run(at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				w := newWire(t)
				b := benchWith(t, w, "reset "+at)
				b.send("hello")
				b.expect("hello")
				b.interrupt()
				b.run()
				synctest.Wait()
				b.expectStruck()
				happen(w)
				b.expectClosed()
				b.expectStruck("5: ")
				if d := time.Since(start); at == "at.time=200ms" && d != 200*time.Millisecond {
					t.Errorf("struck after %v", d)
				}
			})
		})
	}
}

func TestTriggerEOF(t *testing.T) {
	b := benchWith(t, newWire(t), "reset at.event=eof")
	b.send("hello")
	b.expect("hello")
	b.expectStruck()
	close(b.input)
	b.expectClosed()
	b.expectStruck("5: ")
}

// TestTriggerSeenAtTheEnd is about a trigger that is reached while the end of
// the stream is the next thing to take.
func TestTriggerSeenAtTheEnd(t *testing.T) {
	for range 100 {
		w := newWire(t)
		w.EventHappened(event.FIN)
		close(w.happened[event.FIN])
		b := benchWith(t, w, "reset at.event=fin")
		b.expectClosed()
		b.expectStruck("0: ")
	}
}

func TestParseTrigger(t *testing.T) {
	for _, c := range []struct {
		fields map[string]any
		want   string // of String, or the error after "!"
	}{
		{nil, "start"},
		{map[string]any{"byte": 93}, "at.byte=93"},
		{map[string]any{"byte": "4KiB"}, "at.byte=4096"},
		{map[string]any{"byte": 0.0}, "at.byte=0"},
		{map[string]any{"pattern": "\r\n"}, `at.pattern="\r\n"`},
		{map[string]any{"pattern": []byte{0}}, `at.pattern="\x00"`},
		{map[string]any{"segment": uint64(2)}, "at.segment=2"},
		{map[string]any{"event": "eof"}, "at.event=eof"},
		{map[string]any{"time": "1.5s"}, "at.time=1.5s"},
		{map[string]any{"time": 200}, "at.time=200ms"},
		{map[string]any{"time": 200 * time.Millisecond}, "at.time=200ms"},
		{map[string]any{"byte": -1}, "!at.byte must be at least 0, got -1"},
		{map[string]any{"byte": 1.5}, "!at.byte must be a whole number, got 1.5"},
		{map[string]any{"pattern": ""}, "!at.pattern must not be empty"},
		{map[string]any{"pattern": 7}, "!at.pattern must be text or bytes, got 7"},
		{map[string]any{"segment": 0}, "!at.segment must be 1 to 2147483647, got 0"},
		{map[string]any{"time": 0}, "!at.time must be 1ms to 4611686018427 ms, got 0"},
		{map[string]any{"time": "1us"}, `!at.time must be whole milliseconds such as 200 or 1.5s, got "1us"`},
		{map[string]any{"event": "end"}, `!at.event must be one of open, accept, answer, eof, fin, rst, got "end"`},
		{map[string]any{"offset": 1}, "!at.offset is unknown"},
		{map[string]any{"bite": 1}, `!at.bite is unknown, did you mean "byte"?`},
		{map[string]any{"byte": 1, "event": "eof"}, "!at takes one of byte, pattern, opposite, segment, frame, event, time, got 2 of them"},
	} {
		got, err := spec.ParseTrigger(c.fields)
		text := got.String()
		if err != nil {
			text = "!" + err.Error()
		}
		if text != c.want {
			t.Errorf("%v: got %s, want %s", c.fields, text, c.want)
		}
	}
}
