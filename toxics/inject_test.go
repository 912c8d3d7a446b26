package toxics

import (
	"encoding/json"
	"strings"
	"testing"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/spec"
)

// sendAll passes a stream through a toxic, cut into pieces of so many bytes, and returns
// what comes out.
func sendAll(t *testing.T, b *bench, text string, size int) string {
	t.Helper()
	go func() {
		for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
			if !b.trySend(rest[:min(size, len(rest))]) {
				return
			}
		}
		close(b.input)
	}()
	var out strings.Builder
	for c := range b.out {
		if c == nil {
			break
		}
		out.Write(c.Data)
	}
	<-b.done
	return out.String()
}

func TestInjectIsTheSameHoweverTheStreamIsCut(t *testing.T) {
	for flag, want := range map[string]string{
		`inject data=XY`:                            "XYabcabcabd",
		`inject data=XY at.byte=4`:                  "abcaXYbcabd",
		`inject data=XY at.pattern=bca`:             "abcaXYbcabd",
		`inject data=XY at.event=eof`:               "abcabcabdXY",
		`inject data=XY replace=3`:                  "XYabcabd",
		`inject data=XY replace=3 at.byte=1`:        "aXYbcabd",
		`inject replace=2 at.pattern=abc`:           "abccabd",
		`inject data=XY replace=100 at.byte=7`:      "abcabcaXY",
		`inject data=XY match=abd`:                  "abcabcXY",
		`inject data=XY match=abc`:                  "XYabcabd",
		`inject data=XY match=abc count=0`:          "XYXYabd",
		`inject data=abcabc match=bc count=0`:       "aabcabcaabcabcabd",
		`inject match=abcab at.byte=1`:              "abcd",
		`inject data=XY match=abde`:                 "abcabcabd",
		`inject data="hex:00 ff" match=hex:616264`:  "abcabc\x00\xff",
		`inject data=\r\n\x01 at.byte=9`:            "abcabcabd\r\n\x01",
		`inject data=42 match=c`:                    "ab42abcabd",
		`inject data=XY at.byte=10`:                 "abcabcabd",
		`inject data=XY replace=1 at.event=eof`:     "abcabcabd",
		`inject data=XY match=abcabc at.pattern=bc`: "abcabcabd",
	} {
		for _, size := range []int{1, 2, 3, 4, 5, 100} {
			w := newWire(t)
			if got := sendAll(t, benchWith(t, w, flag), "abcabcabd", size); got != want {
				t.Errorf("%s in pieces of %d: got %q, want %q", flag, size, got, want)
			}
			if strikes := want != "abcabcabd"; strikes != (len(w.struck) == 1) {
				t.Errorf("%s in pieces of %d: struck %q", flag, size, w.struck)
			}
		}
	}
}

func TestInjectSaysWhere(t *testing.T) {
	for flag, want := range map[string]string{
		"inject data=XY at.byte=4":           "4: 2 bytes put in at byte 4",
		"inject data=XY replace=3 at.byte=1": "1: 2 bytes put in at byte 1 in the place of 3",
		"inject match=abd":                   "6: 0 bytes put in at byte 6 in the place of 3",
	} {
		w := newWire(t)
		sendAll(t, benchWith(t, w, flag), "abcabcabd", 2)
		if len(w.struck) != 1 || w.struck[0] != want {
			t.Errorf("%s: struck %q, want %q", flag, w.struck, want)
		}
	}
}

// An interrupt, as edits of the chain make it, neither loses nor repeats anything.
func TestInjectOverInterrupts(t *testing.T) {
	b := benchWith(t, newWire(t), "inject data=XY")
	b.interrupt()
	b.run()
	b.interrupt()
	b.expectStruck()
	b.run()
	b.expect("XY")
	b.interrupt()
	b.run()
	b.send("ab")
	b.expect("ab")
	b.expectStruck("0: ")
	b.interrupt()

	b = benchWith(t, newWire(t), "inject data=XY match=abc")
	b.send("xab")
	b.expect("x")
	b.interrupt()
	b.run()
	b.send("c")
	b.expect("XY")
	b.interrupt()
}

// What an inject holds when it is taken away arrives.
func TestInjectHandsOverWhatItHolds(t *testing.T) {
	for flag, want := range map[string]string{"inject data=XY match=abc": "ab", "inject data=XY": "XY"} {
		b := benchWith(t, newWire(t), flag)
		if strings.Contains(flag, "match") {
			b.send("xab")
			b.expect("x")
		}
		b.interrupt()
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.toxic.(tp.CleanupToxic).Cleanup(b.stub)
		}()
		b.expect(want)
		<-done
	}
}

func TestInjectRefuses(t *testing.T) {
	for flag, want := range map[string]string{
		"inject":                          "give data to put in, or replace or match to take out",
		"inject data=x replace=1 match=y": "give match or replace, got both",
		"inject data=hex:0":               `data must be pairs of hex digits after hex:, got "0"`,
		"inject match=hex:zz":             `match must be pairs of hex digits after hex:, got "zz"`,
		"inject data=x replace=-1":        "replace must be at least 0, got -1",
	} {
		spec, err := ParseFlag(flag)
		if err == nil {
			_, err = MakeToxic(spec)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", flag, err, want)
		}
	}
	if _, err := MakeToxic(spec.Spec{Type: "inject", Attributes: map[string]any{"data": 3.5}}); err == nil {
		t.Error("a number that no parser has seen is text")
	}
}

// A text survives JSON and the line that a spec is written as, whatever is in it.
func TestTextSurvives(t *testing.T) {
	for _, text := range []string{"plain", "two words", "\r\n\x00", "\xff\xfe", "hex:", "hex:00", "true", "42", `a\b"c`, "ü"} {
		made, err := MakeToxic(spec.Spec{Type: "inject", Attributes: map[string]any{"data": []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseFlag(made.Spec.String())
		if err != nil {
			t.Fatalf("%s: %v", made.Spec, err)
		}
		if remade, err := MakeToxic(again); err != nil || string(spec.Settings(remade.Attributes).Text("data")) != text {
			t.Errorf("%q is written %s and read %v (%v)", text, made.Spec, remade.Attributes, err)
		}
		b, _ := json.Marshal(made.Attributes["data"])
		var read any
		_ = json.Unmarshal(b, &read)
		if remade, err := MakeToxic(spec.Spec{Type: "inject", Attributes: map[string]any{"data": read}}); err != nil || string(spec.Settings(remade.Attributes).Text("data")) != text {
			t.Errorf("%q is written %s and read %v (%v)", text, b, remade.Attributes, err)
		}
	}
}
