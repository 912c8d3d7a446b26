package suggest

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestClosest(t *testing.T) {
	known := []string{"send", "expect", "half_close", "within"}
	for word, want := range map[string]string{
		"sned":       "send",       // two letters swapped
		"witin":      "within",     // one missing
		"exxpect":    "expect",     // one too many
		"sent":       "send",       // one changed
		"half-close": "half_close", // another spelling
		"HalfClose":  "half_close",
		"zzz":        "",
		"":           "",
		"snde more than anybody mistypes " + strings.Repeat("x", maxWordLength): "",
	} {
		if got := Closest(word, known); got != want {
			t.Errorf("Closest(%q) = %q, want %q", word, got, want)
		}
	}
}

// A short choice still allows one error, and the first of two equals wins, so
// that the suggestion does not change from run to run.
func TestClosestOfShortAndEqualChoices(t *testing.T) {
	if got := Closest("ad", []string{"at", "as"}); got != "at" {
		t.Errorf("got %q, want the first of two that are one error away", got)
	}
	if got := Closest("xyzt", []string{"at"}); got != "" {
		t.Errorf("got %q, want nothing for a word that shares one letter", got)
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("laetncy", []string{"latency"}), `did you mean "latency"?`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := Hint("zzz", []string{"latency"}); got != "" {
		t.Errorf("got %s for a word that is close to nothing", got)
	}
}

// The distance is one of a metric: 0 for a word and itself, the same both ways,
// and never more than the letters of the longer word.
func TestEditDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-c]{0,8}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		got, back := editDistance(a, b), editDistance(b, a)
		if got != back || (got == 0) != (a == b) || got > max(len(a), len(b)) {
			t.Fatalf("editDistance(%q, %q) = %d, and %d the other way", a, b, got, back)
		}
	})
}

func ExampleHint() {
	fmt.Println(Hint("half-clsoe", []string{"latency", "half_close"}))
	// Output: did you mean "half_close"?
}
