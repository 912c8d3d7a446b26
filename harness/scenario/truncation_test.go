package scenario

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/seed"
)

// cutOff is a server with the given declaration that sent received to a client of
// the dialogue.
func cutOff(t *testing.T, text string, declared Truncation, received string) Observation {
	t.Helper()
	d, err := dialogue.Parse("d.yaml", []byte(text))
	if err != nil {
		t.Fatalf("dialogue: %v", err)
	}
	script, err := d.ResolveScript(seed.New(1))
	if err != nil {
		t.Fatalf("script: %v", err)
	}
	o := Observation{Case: Case{Role: Server, Conversation: ScriptedConversation(script)}, Played: &dialogue.Played{Received: []byte(received)}}
	o.Case.Target.Policies.Truncated = declared
	return o
}

const letter = `{dialogue: d, framing: line, greeting: {expect: "hi\n"}, exchanges: [
  {send: "a\n", expect: "A\n"}, {send: "1\n2\n.\n", expect: "3 lines\n"}]}`

func TestAnswersOnly(t *testing.T) {
	batch := `{dialogue: d, framing: line, exchanges: [{send: "a\nb\n", expect: "A\nB\n"}]}`
	bare := `{dialogue: d, framing: none, exchanges: [{send: "1\n.\n", expect: "ok\n"}]}`
	tests := []struct {
		name, dialogue string
		at             int64
		declared       Truncation
		received       string
		failure        string // part of it; empty: none
		remark         string // part of it; empty: none
	}{
		{"a greeting is no answer", letter, 1, TruncationIgnored, "hi\n", "", ""},
		{"half a line is answered", letter, 1, TruncationIgnored, "hi\nA\n", `ended in the middle: "A\n"`, ""},
		{"cut in the second line of a request", letter, 5, TruncationIgnored, "hi\nA\n", "", ""},
		{"half a request is answered", letter, 5, TruncationIgnored, "hi\nA\n2 lines\n", "ended in the middle", ""},
		{"told between two lines of a request", letter, 4, TruncationIgnored, "hi\nA\ncut off\n", "", ""},
		{"executed between two lines of a request", letter, 4, TruncationIgnored, "hi\nA\n3 lines\n", "ended in the middle", ""},
		{"undeclared, executed", letter, 5, "", "hi\nA\n3 lines\n", "", "as if it were whole"},
		{"undeclared, told", letter, 5, "", "hi\nA\nwhat?\n", "", "was cut off: "},
		{"undeclared, silent", letter, 5, "", "hi\nA\n", "", ""},
		{"accepted", letter, 1, TruncationAccepted, "hi\nA\n", "", ""},
		{"the first of two requests in one exchange", batch, 3, TruncationIgnored, "A\n", "", ""},
		{"both of two requests in one exchange", batch, 3, TruncationIgnored, "A\nB\n", "ended in the middle", ""},
		{"no framing, where a line ends", bare, 2, TruncationIgnored, "cut off\n", "", ""},
		{"no framing, within a line", bare, 1, TruncationIgnored, "cut off\n", "ended in the middle", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, expect := cutOff(t, tt.dialogue, tt.declared, tt.received), []Expectation{AnswersOnly(tt.at)}
			if err := JudgeObservation(o, expect); (err != nil) != (tt.failure != "") || err != nil && !strings.Contains(err.Error(), tt.failure) {
				t.Errorf("failure: got %v, want %q", err, tt.failure)
			}
			remarks := CollectRemarks(o, expect)
			if (len(remarks) > 0) != (tt.remark != "") || len(remarks) > 0 && !strings.Contains(remarks[0].Text, tt.remark) {
				t.Errorf("remarks: got %v, want %q", remarks, tt.remark)
			}
		})
	}
}

func TestStreamsKnowBothBorders(t *testing.T) {
	o := cutOff(t, letter, "", "")
	up, down := o.Case.Conversation.Upstream, o.Case.Conversation.Downstream
	if got := len(up.MessageEnds); got != 4 {
		t.Errorf("messages of the client: got %d, want 4", got)
	}
	if from, to := up.ExchangeRange(1); from != 2 || to != 8 {
		t.Errorf("second request: got [%d, %d), want [2, 8)", from, to)
	}
	if from, to := down.ExchangeRange(0); from != 3 || to != 5 {
		t.Errorf("first reply: got [%d, %d), want [3, 5): the greeting is none", from, to)
	}
	if n, start, length := down.LongestExchange(); n != 1 || start != 5 || length != 8 {
		t.Errorf("longest reply: got exchange %d at %d with %d bytes, want 1 at 5 with 8", n, start, length)
	}
}
