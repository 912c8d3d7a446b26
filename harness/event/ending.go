package event

// An Ending is how a stream ended, as one side saw it. No two of them are the
// same thing, and nothing in the harness folds two into one.
type Ending string

// The endings.
const (
	Open        Ending = ""            // not ended, and nobody waited for it
	EOF         Ending = "eof"         // the other side sent FIN; read returned zero bytes
	Reset       Ending = "reset"       // ECONNRESET
	Timeout     Ending = "timeout"     // still open when the wait was over
	Refused     Ending = "refused"     // ECONNREFUSED
	Unreachable Ending = "unreachable" // no route, or the connect timed out
	BrokenPipe  Ending = "broken-pipe" // EPIPE: written after the other side was gone
)

// Text returns the word for the ending: "open" for a stream that has not ended.
func (e Ending) Text() string {
	if e == Open {
		return "open"
	}
	return string(e)
}
