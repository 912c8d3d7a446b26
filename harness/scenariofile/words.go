package scenariofile

import (
	"strings"

	"github.com/sockharness/harness/harness/event"
)

// endingWord names an ending for people.
func endingWord(e event.Ending) string {
	switch e {
	case event.Open:
		return "nothing (still open)"
	case event.EOF:
		return "eof (FIN)"
	case event.Reset:
		return "reset (RST)"
	case event.BrokenPipe:
		return "broken-pipe (EPIPE)"
	}
	return string(e)
}

// describeExpected names what is expected for people.
func (e *Expect) describeExpected() string {
	var all []string
	for _, o := range e.Options {
		if o.Ending != "" {
			all = append(all, string(o.Ending))
		} else {
			all = append(all, o.Message.String())
		}
	}
	return strings.Join(all, " or ")
}

// A lateError is what had not happened when its time was over.
type lateError struct {
	text  string
	cause error // of the context that ended
}

func (e *lateError) Error() string { return e.text }

func (e *lateError) Unwrap() error { return e.cause }
