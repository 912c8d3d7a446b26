package runner

import (
	"context"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// unaskedTimeout is how long a server may take to answer a client that says nothing.
const unaskedTimeout = 300 * time.Millisecond

// An unaskedAnswer is whether the server answers before it has read the request. It is found out at
// most once.
type unaskedAnswer struct {
	once sync.Once
	came bool
}

// answersUnasked reports whether the server sends something to a client that says
// nothing, though the dialogue has no greeting.
func (t *targetRun) answersUnasked(ctx context.Context) bool {
	t.unasked.once.Do(func() {
		if t.Script() == nil || len(t.Script().Greeting) > 0 || t.ensureReady(ctx) != nil {
			return
		}
		limit, cancel := context.WithTimeout(ctx, unaskedTimeout)
		defer cancel()
		conn, err := t.Dial(limit)
		if err != nil {
			return
		}
		defer conn.Close()
		if conn.SetReadDeadline(time.Now().Add(unaskedTimeout)) == nil {
			n, _ := conn.Read(make([]byte, 1))
			t.unasked.came = n > 0
		}
	})
	return t.unasked.came
}

// excuseUnasked makes a result unsupported if the variant did not run as meant because the server
// answers, and may close, before it has read the request.
func (p *scenarioRun) excuseUnasked(ctx context.Context, attempts []attempt) {
	for i, t := range attempts {
		undecided := t.Verdict == outcome.Invalid || t.Verdict == outcome.Flaky // whether its end is a reset depends on when the request arrives
		if undecided && p.tc.Role == scenario.Server && p.target.answersUnasked(ctx) {
			attempts[i].Verdict = outcome.Unsupported
			attempts[i].Message = "the server answers before it has read the request, so it is not known to read what this needs it to read: " + t.Message
		}
	}
}
