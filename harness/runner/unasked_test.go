package runner

import (
	"io"
	"net"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
)

// A server that answers without having read is no reason for an exit status of the harness's
// own failures: what needs it to read cannot be played to it.
func TestServerThatAnswersUnaskedIsNotInvalid(t *testing.T) {
	target := serve(t, func(conn net.Conn) {
		_, _ = conn.Write([]byte("HELLO\nWORLD\n"))
		_, _ = io.Copy(io.Discard, conn)
	})
	r := play1(t, target, splitting(1000))
	want(t, r, outcome.Unsupported, "answers before it has read the request")
}

// One that waits for its request gets no such excuse.
func TestFaultThatCannotStrikeIsInvalidForServersThatRead(t *testing.T) {
	want(t, play1(t, serve(t, upper), splitting(1000)), outcome.Invalid, "did not strike")
}
