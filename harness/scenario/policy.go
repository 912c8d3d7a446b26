package scenario

import "time"

// HalfClose is what a server does when its client has sent FIN and still reads.
type HalfClose string

// The designs. Any of them is legitimate; undeclared, an answer is expected at
// level info at most.
const (
	HalfCloseUndeclared HalfClose = ""
	HalfCloseAnswers    HalfClose = "answer"
	HalfCloseCloses     HalfClose = "close"
	HalfCloseAborts     HalfClose = "abort"
)

// Truncation is what a peer does with a last message that ends in the middle.
type Truncation string

// The designs.
const (
	TruncationUndeclared Truncation = ""
	TruncationIgnored    Truncation = "ignored"  // no answer
	TruncationError      Truncation = "error"    // an answer that says so
	TruncationAccepted   Truncation = "accepted" // taken as complete
)

// A Stop is what a server does with work in flight on SIGTERM.
type Stop string

// The designs.
const (
	StopUndeclared Stop = ""
	StopDrains     Stop = "drain"     // finishes the requests it has, then ends
	StopImmediate  Stop = "immediate" // ends at once
)

// RetriesForEver is the number of retries of a client that never gives up.
const RetriesForEver = -1

// Exit statuses that a client declares. Nil: any status but 0 says that it
// failed.
type Exit struct {
	Failed  *int `json:"failed,omitempty"`  // the conversation broke off
	Refused *int `json:"refused,omitempty"` // nobody listens
}

// Policies are the legitimate designs that a target declares. The zero value
// declares nothing.
type Policies struct {
	HalfClose      HalfClose     `json:"half_close,omitempty"`
	Pipelining     *bool         `json:"pipelining,omitempty"`      // requests may be sent before the answer to the one before
	Greeting       *bool         `json:"greeting,omitempty"`        // a client waits for the server to speak first
	Truncated      Truncation    `json:"truncated,omitempty"`       // of the last message
	MaxMessage     int64         `json:"max_message,omitempty"`     // bytes; a longer message is refused
	IdleTimeout    time.Duration `json:"idle_timeout,omitempty"`    // a server ends a connection without a byte after
	RequestTimeout time.Duration `json:"request_timeout,omitempty"` // a server ends a connection whose request is not whole after, however it comes
	AnswerTimeout  time.Duration `json:"answer_timeout,omitempty"`  // a client gives up connecting, or waiting for an answer, within
	AnswerDeadline time.Duration `json:"answer_deadline,omitempty"` // a client gives up an answer that is not whole after, however it comes
	Retries        int           `json:"retries,omitempty"`         // a client that failed to connect, or lost its connection, tries again at most this many times; RetriesForEver
	Idempotent     *bool         `json:"idempotent,omitempty"`      // requests may be carried out twice: a client may send one again on a new connection
	Exit           Exit          `json:"exit,omitzero"`
	Stop           Stop          `json:"stop,omitempty"`
}
