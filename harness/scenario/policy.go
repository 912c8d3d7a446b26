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

// An InputEnd says what the end of its input means to a server on standard input and output.
type InputEnd string

// The designs. Half of the field follows each: line tools answer what they have read,
// language servers are gone.
const (
	EOFUndeclared InputEnd = ""
	EOFDone       InputEnd = "done" // nothing more will be asked: what was asked is answered
	EOFGone       InputEnd = "gone" // nobody is there: what was asked may be dropped
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

// A TLSFin is what a peer makes of a stream of TLS that ends with a FIN and without the
// close_notify before it, where nothing else tells that the message is whole.
type TLSFin string

// The designs. RFC 8446 section 6.1 says that data may be missing then; half of the
// programs in use take it for the end.
const (
	TLSFinUndeclared TLSFin = ""
	TLSFinEnds       TLSFin = "end"   // as close_notify and FIN would
	TLSFinFails      TLSFin = "error" // the message may be cut off
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
	HalfClose      HalfClose     `json:"half_close,omitempty" jsonschema:"description=What a server does when its client has sent FIN and still reads."`
	EOF            InputEnd      `json:"eof,omitempty" jsonschema:"description=What the end of its input means to a server on standard input and output."`
	Pipelining     *bool         `json:"pipelining,omitempty" jsonschema:"description=Requests may be sent before the answer to the one before."`
	Greeting       *bool         `json:"greeting,omitempty" jsonschema:"description=A client waits for the server to speak first."`
	Truncated      Truncation    `json:"truncated,omitempty" jsonschema:"description=What a peer does with a last message that ends in the middle."`
	MaxMessage     int64         `json:"max_message,omitempty" jsonschema:"description=Bytes; a longer message is refused."`
	IdleTimeout    time.Duration `json:"idle_timeout,omitempty" jsonschema:"description=A server ends a connection without a byte after."`
	RequestTimeout time.Duration `json:"request_timeout,omitempty" jsonschema:"description=A server ends a connection whose request is not whole after\\, however it comes."`
	AnswerTimeout  time.Duration `json:"answer_timeout,omitempty" jsonschema:"description=A client gives up connecting\\, or waiting for an answer\\, within."`
	AnswerDeadline time.Duration `json:"answer_deadline,omitempty" jsonschema:"description=A client gives up an answer that is not whole after\\, however it comes."`
	Retries        int           `json:"retries,omitempty" jsonschema:"description=A client that failed to connect\\, or lost its connection\\, tries again at most this many times; or forever."`
	Idempotent     *bool         `json:"idempotent,omitempty" jsonschema:"description=Requests may be carried out twice: a client may send one again on a new connection."`
	TransferPort   bool          `json:"transfer_port,omitempty" jsonschema:"description=A server over UDP answers each client from a port of its own\\, and the client goes on there: the transfer identifier of TFTP."`
	Exit           Exit          `json:"exit,omitzero" jsonschema:"description=Exit statuses of a client."`
	TLSFin         TLSFin        `json:"tls_fin,omitempty" jsonschema:"description=What the end of a stream of TLS without close_notify means."`
	Stop           Stop          `json:"stop,omitempty" jsonschema:"description=What a server does with work in flight on SIGTERM."`
}

// MayPipeline reports whether the target declares that requests may be sent before the
// answer to the one before.
func (p Policies) MayPipeline() bool { return p.Pipelining != nil && *p.Pipelining }
