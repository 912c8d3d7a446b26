package scenario

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

// A ClientRig is what a variant's Act may do with the client under test.
type ClientRig interface {
	// StartClient starts the client against the variant's proxy. The act must
	// Close it.
	StartClient(ctx context.Context) (Subject, error)
	// Turn changes how the proxy receives connects from now on.
	Turn(Gate) error
}

// A Subject is a client under test that runs.
type Subject interface {
	// Watch blocks until the client has ended by itself, until enough says of its
	// attempts that nothing more has to be seen, or for the longest time that is
	// given; zero is the case's patience. It does not end the client. Nil: never
	// enough.
	Watch(ctx context.Context, longest time.Duration, enough func(Attempts) bool) (Watched, error)
	// Attempts tells of the client's connects so far.
	Attempts() Attempts
	// Usage tells what the client's processes hold now.
	Usage() (probe.Usage, error)
	// Close ends the client, by force if it runs, and waits for it.
	Close()
}

// Watched is how a client was left by [Subject].Watch: its end, if it has come
// to one. HungUp says that its time was over.
type Watched struct {
	Run
	Enough   bool // it still ran, and enough was true
	Attempts Attempts
}

// Attempts are the connects of a client.
type Attempts struct {
	At       []time.Duration // in order, on a clock of their own
	Exact    bool            // those that the kernel refused are among them; else only those that were accepted
	Accepted int             // how many the proxy has taken
}

// Fastest returns the most attempts that fell into any one second.
func (a Attempts) Fastest() int {
	most, first := 0, 0
	for last := range a.At {
		for a.At[last]-a.At[first] >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// Gaps returns the times between attempts.
func (a Attempts) Gaps() []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(a.At); i++ {
		gaps = append(gaps, a.At[i]-a.At[i-1])
	}
	return gaps
}
