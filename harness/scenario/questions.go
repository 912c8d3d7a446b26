package scenario

import (
	"fmt"
	"time"
)

// Questions are when a client asked its name server for names of its server, in order, on a clock
// of their own.
type Questions []time.Duration

// maxQuestionsPerSecond is how many questions within one second are not too many. One look-up
// takes up to eight: two kinds of address, two attempts, and a search domain.
const maxQuestionsPerSecond = 200

// TooMany returns an error if there were too many questions within a second.
// The client need not be watched any longer then.
func (q Questions) TooMany() error {
	if n := peakPerSecond(q); n > maxQuestionsPerSecond {
		return fmt.Errorf("the client asks its name server without a pause: %d questions within a second, at most %d are allowed", n, maxQuestionsPerSecond)
	}
	return nil
}
