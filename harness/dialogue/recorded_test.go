package dialogue

import (
	"net"
	"testing"
)

// A volatile part of a reply may be longer than in the dialogue: borders are where the
// replies really ended.
func TestWithRepliesHasTheBordersOfARealConversation(t *testing.T) {
	s := script(t, `{dialogue: x, framing: none, greeting: {expect: "hi\n"}, exchanges: [
		{send: "a\n", expect: "id=1;\nA\n"}, {send: "b\n", expect: "B\n"}], volatile: ['id=[0-9]+;']}`)
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		buf := make([]byte, 10)
		server.Write([]byte("hi\n"))
		server.Read(buf)
		server.Write([]byte("id=12345;\nA\n"))
		server.Read(buf)
		server.Write([]byte("B\n"))
	}()
	played := s.PlayClient(t.Context(), noHalfClose{client}, Options{NoEnd: true})
	if played.Mismatch != nil || played.Steps != 2 {
		t.Fatalf("got %d steps, %v; want 2", played.Steps, played.Mismatch)
	}
	greeting, ends := s.WithReplies(played).ReplyEnds()
	if greeting != 3 || len(ends) != 2 || ends[0] != 15 || ends[1] != 17 {
		t.Errorf("got greeting %d, ends %v; want 3, [15 17]", greeting, ends)
	}
	if _, written := s.ReplyEnds(); written[0] != 11 {
		t.Errorf("the script itself has changed: its first reply ends at %d, want 11", written[0])
	}
}

func TestWithRepliesLeavesAPatternAlone(t *testing.T) {
	s := script(t, `{dialogue: x, framing: line, exchanges: [{send: "a\n", expect: {regex: 'A.*'}}]}`)
	if s.WithReplies(Played{Steps: 1, Received: []byte("Abc\n")}) != s {
		t.Error("a script with a regex is not returned as it is")
	}
}

// noHalfClose is a pipe, which has no half to close.
type noHalfClose struct{ net.Conn }

func (noHalfClose) CloseWrite() error { return nil }
