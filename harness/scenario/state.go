package scenario

// A State says what the answers of a server depend on, beside what its client says:
// which conversations may be held side by side on one process.
type State string

// The states. Where a target declares none, its control runs find it.
const (
	// StateConnection belongs to the connection: conversations do not disturb each other.
	StateConnection State = "connection"
	// StateShared is shared by connections: a key, a name, a queue. One conversation is
	// held at a time on a process.
	StateShared State = "shared"
	// StateProcess outlives a conversation: a counter, a log. Each conversation is held
	// with a fresh process.
	StateProcess State = "process"
)

func states() []string {
	return []string{string(StateShared), string(StateConnection), string(StateProcess)}
}

// Separate reports whether conversations may be held side by side on one process.
func (s State) Separate() bool { return s == StateConnection || s == "" }

// Colliding is the reason why a scenario that needs two conversations at once cannot be
// played to a server whose conversations share state.
const Colliding = "concurrent conversations disturb each other without any fault; give each its own keys with ${connection}"
