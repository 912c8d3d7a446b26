package scenario

import (
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
)

// Growth is how much a server holds more after some conversations.
type Growth struct {
	Conversations                            int
	Descriptors, CloseWait, Threads, Zombies int
	Memory                                   int64
	What                                     string // what is open now and was not before
}

// Repeats is what a server holds more after a scenario, and after more of the same.
type Repeats struct {
	First, Again Growth
	Confirmed    bool   // Again was measured
	Busy         string // who burns a processor although nobody is connected; empty: nobody
}

// growth returns an oracle for something that is counted: it must have grown in
// both rounds, in the second by at least one for every two conversations.
func growth(name, title, rationale, ref string, level outcome.Level, count func(Growth) int) Oracle {
	return Oracle{Name: name, Title: title, Rationale: rationale, Ref: ref, Level: level, Roles: Servers(),
		Check: func(o Observation) error {
			r := o.Repeats
			if r == nil || !r.Confirmed || !Grows(count(r.First), r.First) || count(r.Again) < 3 || !Grows(count(r.Again), r.Again) {
				return nil
			}
			err := fmt.Errorf("%d more after %d conversations, %d more after %d more of the same",
				count(r.First), r.First.Conversations, count(r.Again), r.Again.Conversations)
			if r.Again.What != "" {
				err = fmt.Errorf("%w: %s", err, r.Again.What)
			}
			return err
		}}
}

// Grows reports whether n is at least one for every two conversations.
func Grows(n int, g Growth) bool { return n > 0 && 2*n >= g.Conversations }

// memoryGrows compares rates: the second of two rounds after the warm-up must
// have grown at no less than half of the first one's.
func memoryGrows(o Observation) error {
	r := o.Repeats
	if r == nil || !r.Confirmed || r.First.Memory < LeastMemory || r.Again.Memory < LeastMemory {
		return nil
	}
	if 2*r.Again.Memory*int64(r.First.Conversations) < r.First.Memory*int64(r.Again.Conversations) {
		return nil
	}
	return fmt.Errorf("%d MiB more after %d conversations, %d MiB more after %d more of the same",
		r.First.Memory>>20, r.First.Conversations, r.Again.Memory>>20, r.Again.Conversations)
}

// LeastMemory is how many bytes a server must have grown by in a scenario for
// its memory to be looked at.
const LeastMemory = 8 << 20
