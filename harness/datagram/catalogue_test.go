package datagram

import (
	"errors"
	"strings"
	"testing"

	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

func TestCatalogue(t *testing.T) {
	for _, k := range Catalogue() {
		if k.Summary == "" || k.Description == "" || strings.HasSuffix(k.Summary, ".") || len(k.Directions) != 2 {
			t.Errorf("%s: incomplete: %+v", k.Name, k)
		}
		made, err := MakeToxic(spec.Spec{Type: k.Name})
		if err != nil {
			t.Errorf("%s without attributes: %v", k.Name, err)
			continue
		}
		for _, a := range k.Attributes {
			if a.Summary == "" || made.Attributes[a.Name] == nil {
				t.Errorf("%s: attribute %s: incomplete", k.Name, a.Name)
			}
		}
		if found, ok := FindKind(k.Name); !ok || found.Name != k.Name {
			t.Errorf("%s is not found", k.Name)
		}
	}
	if _, ok := FindKind("half_close"); ok {
		t.Error("half_close is not for datagrams")
	}
}

// A list of connections without an end goes on behind those that came before it.
func TestConnectionsWithoutEnd(t *testing.T) {
	toxic := mustMake(t, "drop connections=4-")
	toxic.After = 1
	for number, want := range map[uint64]bool{4: false, 5: true, 1000: true} {
		if got := toxic.appliesTo(number); got != want {
			t.Errorf("association %d is struck: %v, want %v", number, got, want)
		}
	}
}

func TestMakeSaysWhatIsWrong(t *testing.T) {
	for flag, want := range map[string]string{
		"dorp":                                `toxic type "dorp" is unknown, did you mean "drop"?`,
		"drop burst=0":                        "toxic drop: burst must be at least 1, got 0",
		"drop bust=1":                         `toxic drop: attribute "bust" is unknown, did you mean "burst"?`,
		"drop only=perhaps":                   "toxic drop: only must be true or false, got perhaps",
		"truncate size=70000":                 "toxic truncate: size must be at most 65507, got 70000",
		"corrupt bits=0 offset=-2":            "toxic corrupt: bits must be at least 1, got 0\ntoxic corrupt: offset must be at least -1, got -2",
		"drop at.event=fin":                   "toxic drop: at.event=fin does not occur with datagrams; use open, accept or answer",
		"half_close":                          "toxic half_close: works on streams only, and this proxy forwards datagrams",
		"latency latency=9223372036854775807": "toxic latency: latency must be at most 4611686018427, got 9223372036854775807",
	} {
		spec, err := toxics.ParseFlag(flag)
		if err != nil {
			t.Fatal(err)
		}
		_, err = MakeToxic(spec)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", flag, err, want)
		}
		if strings.HasPrefix(flag, "half") && !errors.Is(err, ErrStream) {
			t.Errorf("%v is not ErrStream", err)
		}
	}
}
