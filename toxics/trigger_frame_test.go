package toxics

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/toxics/spec"
)

func TestFrameTriggerIsTheSameHoweverTheStreamIsCut(t *testing.T) {
	for flag, want := range map[string]string{
		"at.frame=1 at.framing=line":              "XYa\nbcd\n\ne\n",
		"at.frame=2 at.framing=line":              "a\nXYbcd\n\ne\n",
		"at.frame=2+0 at.framing=line":            "a\nXYbcd\n\ne\n",
		"at.frame=2+3 at.framing=line":            "a\nbcdXY\n\ne\n",
		"at.frame=2+4 at.framing=line":            "a\nbcd\nXY\ne\n",
		"at.frame=4+1 at.framing=line":            "a\nbcd\n\neXY\n",
		`at.frame=2+1 at.framing="fixed: 4"`:      "a\nbcdXY\n\ne\n",
		"at.frame=1+3 at.framing=fixed=4":         "a\nbXYcd\n\ne\n",
		"at.frame=2+5 at.framing=line":            "", // it has four
		"at.frame=5 at.framing=line":              "", // it never comes
		"at.frame=1 at.framing=length-prefix=1":   "XYa\nbcd\n\ne\n",
		"at.frame=1+2 at.framing=netstring":       "", // no message begins so
		"at.frame=1+2 at.framing=length-prefix=1": "a\nXYbcd\n\ne\n",
	} {
		for _, size := range []int{1, 2, 3, 100} {
			w := newWire(t)
			got := sendAll(t, benchWith(t, w, "inject data=XY "+flag), "a\nbcd\n\ne\n", size)
			plain := "a\nbcd\n\ne\n"
			if want != "" {
				plain = want
			}
			if got != plain || (want != "") != (len(w.struck) == 1) {
				t.Errorf("%s in pieces of %d: got %q, struck %q, want %q", flag, size, got, w.struck, want)
			}
			told := strings.Contains(flag, "+5") || strings.Contains(flag, "netstring")
			if told != (len(w.cannot) == 1) {
				t.Errorf("%s in pieces of %d: said that it cannot strike: %q", flag, size, w.cannot)
			}
		}
	}
}

func TestFrameTriggerRefuses(t *testing.T) {
	for flag, want := range map[string]string{
		"reset at.frame=0 at.framing=line":  "at.frame must be a number from 1, or with bytes of that frame such as 3+2, got 0",
		"reset at.frame=x+2":                "at.frame must be a number from 1, or with bytes of that frame such as 3+2, got x+2",
		"reset at.frame=2":                  "at.frame needs a framing, of the proxy or its own, such as at.framing=line",
		"reset at.framing=line":             "at.framing says nothing without at.frame",
		"reset at.frame=2 at.framing=lines": "at.framing",
		"reset at.frame=2 at.framing=none":  "at.framing none has no frame behind another",
		"reset at.frame=2+-1":               "at.frame must have 0 bytes or more of a frame, got -1",
		"reset at.frame=2 at.byte=3":        "at takes one of byte, pattern, opposite, segment, frame, event, time, got 2 of them",
		"reset at.frame=2 at.framing=\"\"":  "at.framing must be a framing such as line or length-prefix=4, got ",
	} {
		spec, err := ParseFlag(flag)
		if err == nil {
			_, err = MakeToxic(spec)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", flag, err, want)
		}
	}
}

func TestFrameTriggerIsWrittenAsItIsRead(t *testing.T) {
	for _, flag := range []string{"reset direction=upstream at.frame=3+2 at.framing=line", `reset direction=upstream at.frame=3 at.framing="length-prefix: {bytes: 4}"`} {
		spec, err := ParseFlag(flag)
		if err != nil || spec.String() != flag {
			t.Errorf("%s is written %s (%v)", flag, spec, err)
		}
	}
	if at := (spec.Trigger{Frame: 2}).WithFraming("line"); at.Framing != "line" || at.WithFraming("resp").Framing != "line" {
		t.Errorf("got %v", at)
	}
	if at := (spec.Trigger{Segment: 2}).WithFraming("line"); at.Framing != "" {
		t.Errorf("got %v", at)
	}
}
