package scenario

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// Growth is how much a server holds more after some conversations.
type Growth struct {
	Conversations                            int    // after so many conversations
	Descriptors, CloseWait, Threads, Zombies int    // how many more there are; CloseWait: sockets whose peer has closed
	Memory                                   int64  // more resident bytes
	What                                     string // what is open now and was not before
}

// LeakRounds is what a server holds more after each of several rounds of the same
// conversations.
type LeakRounds struct {
	Rounds []Growth // for what is counted
	Memory []Growth // for the memory: they have more conversations
	Busy   string   // who burns a processor although nobody is connected; empty: nobody
}

const (
	// leakRounds is how many rounds must have grown. What a runtime pools for use
	// grows with the number of conversations at a time, and then stops.
	leakRounds = 3
	// flatRounds is how many that have not grown show that it has stopped. One may
	// have had a garbage collection in its middle.
	flatRounds = 2
	// pooledThreads is how many conversations a leak of threads must have grown over:
	// a pool of a fixed size starts one for each task until it is full.
	pooledThreads = 256
)

// Trend is what several rounds tell of one count.
type Trend string

// The trends. A round after which the server holds much less tells nothing: a garbage
// collection, or a worker that was replaced, has closed what had leaked.
const (
	Unclear Trend = "unclear" // more rounds must tell
	Stopped Trend = "stopped"
	Leaking Trend = "leaking"
)

// trendOf is for counts that must have grown over so many conversations.
func trendOf(count func(Growth) int, rounds []Growth, conversations int) Trend {
	grown, flat, over := 0, 0, 0
	for _, g := range rounds {
		switch n := count(g); {
		case GrowsPerConversation(n, g):
			grown++
			over += g.Conversations
		case !GrowsPerConversation(-n, g):
			flat++
		}
	}
	switch {
	case flat >= flatRounds:
		return Stopped
	case grown >= leakRounds && over >= conversations:
		return Leaking
	}
	return Unclear
}

// counted is everything that is counted, and over how many conversations it must grow.
var counted = []struct {
	of            func(Growth) int
	conversations int
}{
	{func(g Growth) int { return g.Descriptors }, 0},
	{func(g Growth) int { return g.CloseWait }, 0},
	{func(g Growth) int { return g.Zombies }, 0},
	{func(g Growth) int { return g.Threads }, pooledThreads},
}

// Trend returns Leaking if one count leaks, Unclear if more rounds may tell, and
// Stopped if all have stopped.
func (r LeakRounds) Trend() Trend {
	all := Stopped
	for _, c := range counted {
		switch trendOf(c.of, r.Rounds, c.conversations) {
		case Leaking:
			return Leaking
		case Unclear:
			all = Unclear
		}
	}
	return all
}

// growthOracle returns an oracle for something that is counted.
func growthOracle(name, title, rationale, ref string, level outcome.Level, count func(Growth) int, conversations int) Oracle {
	return Oracle{Name: name, Title: title, Rationale: rationale, Ref: ref, Level: level, Roles: ServerRole(),
		Check: func(o Observation) error {
			if o.LeakRounds == nil || trendOf(count, o.LeakRounds.Rounds, conversations) != Leaking {
				return nil
			}
			return errors.New(describeLeak(name, count, o.LeakRounds.Rounds))
		}}
}

// describeLeak says how many of what a server leaks per conversation, how many each round
// has left, and of descriptors some that the last round did.
func describeLeak(oracle string, count func(Growth) int, rounds []Growth) string {
	total, conversations := 0, 0
	var each []string
	for i, g := range rounds {
		n, word := count(g), "more"
		if GrowsPerConversation(n, g) {
			total, conversations = total+n, conversations+g.Conversations
		}
		if n < 0 {
			n, word = -n, "fewer"
		}
		each = append(each, fmt.Sprintf("%d %s after %s", n, word, describeRound(i, g)))
	}
	text := fmt.Sprintf("the server leaks %s per conversation: %s", leakedCount(oracle, float64(total)/float64(max(conversations, 1))), strings.Join(each, ", "))
	if what := rounds[len(rounds)-1].What; what != "" && oracle != "threads" && oracle != "zombies" {
		text += "; open now and not before the last round: " + what
	}
	return text
}

func describeRound(i int, g Growth) string {
	if i > 0 {
		return fmt.Sprintf("the next %d", g.Conversations)
	}
	return plural.Count(g.Conversations, "conversation")
}

// leakedCount says how many of what an oracle counts: "1 descriptor", "0.5 threads".
func leakedCount(oracle string, n float64) string {
	noun, state := strings.TrimSuffix(oracle, "s"), ""
	if oracle == "close-wait" {
		noun, state = "socket", " in CLOSE_WAIT"
	}
	number := strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64)
	if number != "1" {
		noun += "s"
	}
	return number + " " + noun + state
}

// GrowsPerConversation reports whether n is at least one for every two conversations.
func GrowsPerConversation(n int, g Growth) bool { return n > 0 && 2*n >= g.Conversations }

// memoryGrows compares rates: the last of several rounds after the warm-up must have
// grown at no less than half of the first one's, and none may have shrunk.
func memoryGrows(o Observation) error {
	r := o.LeakRounds
	if r == nil || len(r.Memory) < memoryRounds {
		return nil
	}
	first := r.Memory[0]
	var each []string
	for i, g := range r.Memory {
		if g.Memory < LeastMemory || 2*g.Memory*int64(first.Conversations) < first.Memory*int64(g.Conversations) {
			return nil
		}
		each = append(each, fmt.Sprintf("%d MiB more after %s", g.Memory>>20, describeRound(i, g)))
	}
	return fmt.Errorf("the server's resident memory grows with every round of conversations: %s", strings.Join(each, ", "))
}

// memoryRounds is how many rounds of [LeakRounds.Memory] are judged, at least.
const memoryRounds = 2

// LeastMemory is how many bytes a server must have grown by in a scenario for
// its memory to be looked at.
const LeastMemory = 8 << 20
