package scenario

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/toxics/spec"
)

// An Observation is all that is known after a variant was played.
type Observation struct {
	Case           Case             // what was run
	Faults         []spec.Spec      // the variant's faults
	AcceptMode     AcceptMode       // how the proxy received connects at first
	NoEnd          bool             // the client dialogue left the connection open
	Ran            bool             // the variant has an act instead of a conversation
	Played         *dialogue.Played // by the client dialogue, if there is one; on the data connection, or before TLS, where the faults were for that
	Whole          *dialogue.Played // the same of the rest, where the faults were for a data connection, or for what is said before TLS
	Spins          bool             // the server was burning a processor at the end, while nothing moved
	Stuck          string           // how the server is proven to wait forever; empty: it is not
	Client         *Run             // of the client process, if there is one
	Crash          *peer.Exit       // of the server process, when it has died by itself
	DeadWorker     string           // which process of the server's, beside that, has; empty: none
	AfterErr       error            // of a fresh conversation with the server afterwards; nil: it works
	OtherClientErr error            // of another client's conversation while the fault was in place; nil: it worked
	LeakRounds     *LeakRounds      // at the end of a scenario only
	RunError       error            // of the variant's Act
	ServerStderr   []byte           // the end of what the server wrote there so far
	LastWords      string           // of a server process that has ended: the line that names why; empty: it wrote none
	StuckIn        string           // program and system call of a proven hang: "python3 in recvfrom"; empty: there is none
	Connections    int              // accepted by the proxy
	Attempts       Attempts         // of the client process to connect
	Questions      Questions        // of the client process to a name server with a fault
	PastProxy      int              // connections of the client process to the server that are not the proxy's; looked for where a fault has not struck
	Starved        time.Duration    // for which a peer, or the harness, was ready and got no processor
	Events         []event.Event    // all that happened, in order
	Elapsed        time.Duration    // time of the variant
	Shifted        bool             // requests had other lengths than in the control, so that offsets in them are other places
}

// ServerDied reports whether a process of the server's has ended that should not have.
func (o Observation) ServerDied() bool { return o.Crash != nil || o.DeadWorker != "" }

// A Run is one run of a client process.
type Run struct {
	Exit     peer.Exit     // how it exited
	TimedOut bool          // it had not exited when its time was over, and was killed
	Spins    bool          // it was burning a processor then, while nothing moved
	Storms   bool          // it was connecting, or asking its name server, without a pause, see [Attempts.Storms] and [Questions.TooMany]
	Stuck    string        // how it is proven to wait forever; empty: it is not
	StuckIn  string        // program and system call of that: "python3 in recvfrom"
	Stdout   []byte        // what it wrote there
	Stderr   []byte        // the end of what it wrote there
	Elapsed  time.Duration // from its start to its exit
}

// SideEnding returns how the given side ended the first connection towards the
// proxy: eof after its FIN, reset after its RST, open when it did neither.
func (o Observation) SideEnding(side event.Side) event.Ending {
	for _, e := range o.Events {
		if e.Side != side || e.Conn > 1 {
			continue
		}
		switch e.Kind {
		case event.FIN:
			return event.EOF
		case event.RST:
			return event.Reset
		}
	}
	return event.Open
}

// StruckEvents returns the events of faults that took effect.
func (o Observation) StruckEvents() []event.Event {
	var out []event.Event
	for _, e := range o.Events {
		if e.Kind == event.Struck {
			out = append(out, e)
		}
	}
	return out
}

// HasStruck reports whether a fault took effect.
func (o Observation) HasStruck(fault spec.Spec) bool {
	return slices.ContainsFunc(o.Events, func(e event.Event) bool { return e.Kind == event.Struck && e.Toxic == fault.Name })
}

// CarriedBytes returns how many bytes the first connection carried in direction d.
func (o Observation) CarriedBytes(d event.Direction) int64 {
	var n int64
	for _, e := range o.Events {
		if e.Kind == event.Bytes && e.Direction == d && e.Conn <= 1 {
			n = max(n, e.Offset+e.Bytes)
		}
	}
	return n
}

// FirstEnding returns which side ended the first connection first, and how; nil where
// no side did. That the proxy ends what is left when a run is over, or a client whose
// server it does not reach, is no such end: without a fault it is not the proxy that ends.
func (o Observation) FirstEnding() *event.Event {
	struck := false
	for _, e := range o.Events {
		struck = struck || e.Kind == event.Struck
		if !e.First || e.Conn > 1 {
			continue
		}
		if e.Side == event.Proxy && !struck {
			return nil
		}
		return &e
	}
	return nil
}

// PeerHung reports whether a peer had not done its part when it was given up.
func (o Observation) PeerHung() bool {
	if o.Client != nil {
		return o.Client.TimedOut
	}
	return o.Played != nil && o.Played.Ending == event.Timeout || errors.Is(o.RunError, context.DeadlineExceeded)
}

// EndedAsUsual reports whether the client under test ended by itself, on its only connection,
// with the status and the output of the run without a fault.
func (o Observation) EndedAsUsual() bool {
	return o.Client != nil && !o.Client.TimedOut && o.Client.Exit.Success() && o.Connections == 1 && o.sameOutput()
}

// ErrSpins is for an act that finds a peer which keeps a processor busy while nothing
// moves.
var ErrSpins = errors.New("spins")

// ErrNoAnswer is in the error of an exchange of which the server ended the connection
// before its answer.
var ErrNoAnswer = errors.New("no answer")

// TimeUndeclared reports whether the client under test was left running for no other
// reason than that its time was over, which its target does not declare.
func (o Observation) TimeUndeclared() bool {
	p := o.Case.Target.Policies
	return o.Client != nil && o.TimedOutUnproven() && p.AnswerTimeout == 0 && p.AnswerDeadline == 0
}

// ErrStorms is for an act that finds a client which connects again without a pause.
var ErrStorms = errors.New("reconnects too fast")

// Stormed reports whether the client connected more often than any load of the machine
// can explain.
func (o Observation) Stormed() bool {
	return errors.Is(o.RunError, ErrStorms) || o.Client != nil && o.Client.Storms || attemptRate(o) != nil
}

// SpunCPU reports whether a peer was burning a processor.
func (o Observation) SpunCPU() bool {
	return o.Spins || o.Client != nil && o.Client.Spins || errors.Is(o.RunError, ErrSpins)
}

// TimedOutUnproven reports whether it was given up for time alone: nothing proves that it
// would never have come to an end.
func (o Observation) TimedOutUnproven() bool {
	if o.Client != nil {
		return o.Client.TimedOut && !o.Client.Spins && !o.Client.Storms && o.Client.Stuck == ""
	}
	return o.PeerHung() && !o.Spins && o.Stuck == ""
}
