package scenario

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/stacktrace"
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
	case event.Timeout:
		return "timeout (still open)"
	}
	return string(e)
}

// thenText says what came after the last bytes.
func thenText(e event.Ending) string {
	if e == event.Open || e == event.Timeout {
		return "then nothing more came (still open)"
	}
	return "then the stream ended: " + endingWord(e)
}

func joinEndings(endings []event.Ending) string {
	names := make([]string, len(endings))
	for i, e := range endings {
		names[i] = string(e)
	}
	return strings.Join(names, " or ")
}

func roundMillis(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// lastStderrLine tells the line with which a client named its reason on standard error.
func lastStderrLine(r *Run) string { return wrote(stacktrace.Cause(string(r.Stderr))) }

// wrote tells what a process wrote last. It is not quoted: it tells one cause from
// another.
func wrote(cause string) string {
	if cause == "" {
		return ""
	}
	return "; it wrote: " + cause
}

// QuoteLastLine quotes the last line that a process wrote to its standard error, to stand
// behind a message; empty where it wrote nothing.
func QuoteLastLine(stderr []byte) string {
	lines := bytes.Split(bytes.TrimSpace(stderr), []byte("\n"))
	if last := lines[len(lines)-1]; len(last) > 0 {
		return fmt.Sprintf("; its output: %q", last)
	}
	return ""
}
