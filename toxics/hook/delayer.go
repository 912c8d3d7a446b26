package hook

import "time"

// A Delayer is a toxic that may do nothing but hold what passes for a time. A
// link that has only such toxics can leave the bytes to the kernel meanwhile; it
// asks for the times instead of running the toxic.
type Delayer interface {
	// Delays returns what says how long the next bytes are held after they were
	// read, by the stream offset of the first of them; it is called for one piece
	// after the other. It returns nil when the toxic does anything else. What
	// comes behind never overtakes.
	Delays(w Link) func(offset int64) time.Duration
}
