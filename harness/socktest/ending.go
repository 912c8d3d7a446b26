package socktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// A Direction is one of the two streams of a proxied connection.
type Direction uint8

// The directions. Upstream flows from the client to the server.
const (
	Upstream Direction = iota
	Downstream
)

// String returns "upstream" or "downstream".
func (d Direction) String() string { return event.Direction(d).String() }

// An Ending is how a stream or a connect ended. No two endings mean the same.
type Ending string

// The endings.
const (
	Open        Ending = "open"        // not ended so far
	FIN         Ending = "FIN"         // ended in order: a read returns io.EOF
	RST         Ending = "RST"         // reset: a read fails with ECONNRESET
	Timeout     Ending = "timeout"     // a deadline was over before anything else happened
	Refused     Ending = "refused"     // a connect failed with ECONNREFUSED
	Unreachable Ending = "unreachable" // a connect failed: no route, or no answer
	BrokenPipe  Ending = "broken pipe" // a write failed with EPIPE: the other side was gone
)

// EndingOf returns the ending that an error of package net stands for, wherever it
// is in the chain: nil, io.EOF and io.ErrUnexpectedEOF are FIN. Of an error that is
// none of a stream it returns its text.
func EndingOf(err error) Ending {
	for _, known := range []struct {
		err    error
		ending Ending
	}{
		{io.EOF, FIN}, {io.ErrUnexpectedEOF, FIN}, {syscall.ECONNRESET, RST}, {syscall.EPIPE, BrokenPipe},
		{syscall.ECONNREFUSED, Refused}, {syscall.EHOSTUNREACH, Unreachable}, {syscall.ENETUNREACH, Unreachable},
		{syscall.ETIMEDOUT, Unreachable}, {os.ErrDeadlineExceeded, Timeout}, {context.DeadlineExceeded, Timeout},
	} {
		if errors.Is(err, known.err) {
			return known.ending
		}
	}
	if err == nil {
		return FIN
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return Timeout
	}
	return Ending(err.Error())
}

// A Side is one of the parties of a proxied connection.
type Side string

// The sides.
const (
	ByClient Side = "client"
	ByServer Side = "server"
	ByProxy  Side = "proxy"
)

// An End says how one stream ended.
type End struct {
	Ending    Ending    // how it ended: FIN, RST or another
	Direction Direction // of the stream
	At        int64     // bytes of the stream that came before
	By        Side      // who ended it: ByProxy is an injection, or a method of [Proxy]
	Fault     string    // which injection ended it; "": none
}

// String returns the end as a sentence without a subject.
func (e End) String() string {
	text := fmt.Sprintf("%s %s after %s, by the %s", e.Ending, e.Direction, plural.Count(e.At, "byte"), e.By)
	if e.Fault != "" {
		text += " (" + e.Fault + ")"
	}
	return text
}
