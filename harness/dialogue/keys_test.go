package dialogue

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
)

const distinctStore = `dialogue: store
framing: {length-prefix: {bytes: 2}}
exchanges:
  - {send: {message: "SET ${connection} ${run}"}, expect: {message: "OK"}}
  - {send: [{message: ["GET ", "${connection}"]}], expect: {regex: 'was ${connection}: .*'}}
`

func scriptOf(t *testing.T, text string) *Script {
	t.Helper()
	d, err := Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.ScriptWithKeys(seed.New(1), NewKeys("one run"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEachConnectionHasItsOwnKey(t *testing.T) {
	s := scriptOf(t, distinctStore)
	a, b := s.ForConnection(), s.ForConnection()
	if a.word == b.word || a.word == s.word || len(a.word) != keySize {
		t.Errorf("got the words %q, %q and %q, want three of %d bytes", s.word, a.word, b.word, keySize)
	}
	for _, one := range []*Script{s, a, b} {
		if n := strings.Count(string(one.RequestBytes()), one.word); n != 2 {
			t.Errorf("got %q %d times in %q, want twice", one.word, n, one.RequestBytes())
		}
		if re := one.Steps[1].Expect[0].Regex; !re.MatchString("was " + one.word + ": x") {
			t.Errorf("got the expression %s, want one with %q", re, one.word)
		}
		if len(one.RequestBytes()) != len(s.RequestBytes()) || one.RequestParts()[1] != s.RequestParts()[1] {
			t.Errorf("got %q, want every offset as in %q", one.RequestBytes(), s.RequestBytes())
		}
	}
	if again := a.ForConnection(); again.word != a.word {
		t.Errorf("got the word %q for a connection that has %q", again.word, a.word)
	}
}

func TestRunKeyIsThatOfTheRun(t *testing.T) {
	s := scriptOf(t, distinctStore)
	if same := scriptOf(t, distinctStore); !strings.Contains(string(same.RequestBytes()), NewKeys("one run").run) || NewKeys("another").run == NewKeys("one run").run {
		t.Errorf("got %q and %q, want the run's word in both", s.RequestBytes(), same.RequestBytes())
	}
}

// A request that is cut inside the word keeps it: its other half would not follow.
func TestWordThatIsCutStays(t *testing.T) {
	s := scriptOf(t, "{dialogue: x, exchanges: [{send: \"GET ${connection}\\n\", expect: \"${connection}\\n\"}]}")
	cut := *s
	first, rest := s.Steps[0], s.Steps[0]
	first.Send, rest.Send = first.Send[:8], rest.Send[8:]
	cut.Steps = []Step{first, rest}
	if got := cut.ForConnection(); string(got.RequestBytes()) != string(s.RequestBytes()) {
		t.Errorf("got %q, want %q", got.RequestBytes(), s.RequestBytes())
	}
}

func TestKeysOfFlags(t *testing.T) {
	d, err := FromFlags([]string{`GET ${connection}\n`}, []string{`${connection}\n`})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.ResolveScript(seed.New(1))
	if err != nil || !s.Distinct() || strings.Contains(string(s.RequestBytes()), "$") {
		t.Errorf("got %q (%v), want a word in place of ${connection}", s.RequestBytes(), err)
	}
}

func TestKeysThatHaveNoValue(t *testing.T) {
	for in, want := range map[string]string{
		`{dialogue: x, exchanges: [{send: "a ${conection}"}]}`: `f.yaml:1:34: ${conection} has no value, did you mean "connection"?`,
		`{dialogue: x, exchanges: [{send: "a ${HOME}"}]}`:      `${HOME} has no value, allowed here: connection, run`,
	} {
		if _, err := Parse("f.yaml", []byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", in, err, want)
		}
	}
	s := scriptOf(t, `{dialogue: x, exchanges: [{send: "a $${HOME}"}]}`)
	if got := string(s.RequestBytes()); got != "a ${HOME}" {
		t.Errorf("got %q, want what is written after $$", got)
	}
}

func TestServerDialogueWithKeys(t *testing.T) {
	d, err := Parse("f.yaml", []byte(`{dialogue: x, exchanges: [{send: "a ${run}", expect: b}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.PlayableAs(event.Server); err == nil || !strings.Contains(err.Error(), "cannot use") {
		t.Errorf("got %v, want that a client cannot use the word", err)
	}
}
