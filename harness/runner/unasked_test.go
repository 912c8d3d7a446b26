package runner

import (
	"io"
	"net"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
)

// A server may answer before it reads. Scenarios that need it to read are unsupported then; they are no
// failures of the harness.
func TestServerThatAnswersUnaskedIsNotInvalid(t *testing.T) {
	target := serve(t, func(conn net.Conn) {
		_, _ = conn.Write([]byte("HELLO\nWORLD\n"))
		_, _ = io.Copy(io.Discard, conn)
	})
	r := play1(t, target, splitting(1000))
	want(t, r, outcome.Unsupported, "answers before it has read the request")
}

// Results of a server that waits for the request do not change.
func TestFaultThatCannotStrikeIsInvalidForServersThatRead(t *testing.T) {
	want(t, play1(t, serve(t, upper), splitting(1000)), outcome.Invalid, "did not strike")
}
