package scenario

import (
	"bytes"
	"fmt"
	"strings"
	"time"

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
	case event.Timeout:
		return "timeout (still open)"
	}
	return string(e)
}

func words(endings []event.Ending) string {
	names := make([]string, len(endings))
	for i, e := range endings {
		names[i] = string(e)
	}
	return strings.Join(names, " or ")
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// excerpt quotes the beginning of b.
func excerpt(b []byte) string {
	const most = 60
	if len(b) <= most {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:most], len(b))
}

// said quotes the last line that a client wrote on its standard error.
func said(r *Run) string {
	lines := bytes.Split(bytes.TrimSpace(r.Stderr), []byte("\n"))
	if last := lines[len(lines)-1]; len(last) > 0 {
		return "; it said: " + excerpt(last)
	}
	return ""
}
