package reconnect

import "github.com/sockharness/harness/harness/probe"

// held is what a client had open after so many attempts.
type held struct {
	usage    probe.Usage
	attempts int
}
