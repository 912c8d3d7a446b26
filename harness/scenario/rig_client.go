package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/probe"
)

// A ClientRig is what a variant's Act may do with the client under test.
type ClientRig interface {
	// StartClient starts the client against the variant's proxy. The act must
	// Close it.
	StartClient(ctx context.Context) (ClientUnderTest, error)
	// SetAcceptMode changes how the proxy receives connects from now on.
	SetAcceptMode(AcceptMode) error
}

// A ClientUnderTest is a client under test that runs.
type ClientUnderTest interface {
	// WatchAttempts blocks until the client has ended by itself, until enough says of its
	// attempts that nothing more has to be seen, or for the longest time that is
	// given; zero is the case's patience. It does not end the client. Nil: never
	// enough.
	WatchAttempts(ctx context.Context, longest time.Duration, enough func(Attempts) bool) (ClientState, error)
	// ConnectAttempts tells of the client's connects so far.
	ConnectAttempts() Attempts
	// MeasureUsage tells what the client's processes hold now.
	MeasureUsage() (probe.Usage, error)
	// Process returns the client's program.
	Process() Process
	// Close ends the client, by force if it runs, and waits for it.
	Close()
}

// ClientState is how a client was left by [ClientUnderTest].Watch: its end, if it has come
// to one. TimedOut says that its time was over.
type ClientState struct {
	Run
	Enough   bool     // it still ran, and enough was true
	Attempts Attempts // what it tried so far
	Hang     error    // the proof that it waits forever, see [Variant].NeverAnswers; nil: there is none
}

// Attempts are the connects of a client.
type Attempts struct {
	At       []time.Duration // in order, on a clock of their own
	Exact    bool            // those that the kernel refused are among them; else only those that were accepted
	Accepted int             // how many the proxy has taken
}

// PeakPerSecond returns the most attempts that fell into any one second.
func (a Attempts) PeakPerSecond() int { return peakPerSecond(a.At) }

// peakPerSecond returns the most of the times, which are in order, that fall into any one second.
func peakPerSecond(at []time.Duration) int {
	most, first := 0, 0
	for last := range at {
		for at[last]-at[first] >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// MaxAttemptsPerSecond is how many attempts to connect within one second are not too many. A
// few quick ones, as those of all addresses of a name, are fine.
const MaxAttemptsPerSecond = 20

// stormFactor is how many times too many attempts leave no doubt about what follows.
const stormFactor = 10

// TooMany returns an error of kind [ErrStorms] if there were too many attempts within a
// second.
func (a Attempts) TooMany() error {
	if n := a.PeakPerSecond(); n > MaxAttemptsPerSecond {
		return fmt.Errorf("the client %w: %s to connect within a second, at most %d are allowed", ErrStorms, plural.Count(n, "attempt"), MaxAttemptsPerSecond)
	}
	return nil
}

// Storms reports whether the client need not be watched any longer: within a second it made
// ten times as many attempts as are allowed.
func (a Attempts) Storms() bool {
	return len(a.At) > stormFactor*MaxAttemptsPerSecond && a.PeakPerSecond() > stormFactor*MaxAttemptsPerSecond
}

// String tells how many attempts there were, and over which time.
func (a Attempts) String() string {
	switch len(a.At) {
	case 0:
		return "the client made no attempt to connect"
	case 1:
		return "the client made 1 attempt to connect"
	}
	return fmt.Sprintf("%s to connect in %s", plural.Count(len(a.At), "attempt"), roundMillis(a.At[len(a.At)-1]-a.At[0]))
}

// RetryGaps returns the times between attempts.
func (a Attempts) RetryGaps() []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(a.At); i++ {
		gaps = append(gaps, a.At[i]-a.At[i-1])
	}
	return gaps
}
