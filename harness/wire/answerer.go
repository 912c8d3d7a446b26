package wire

// An Answerer is a Wire that knows of the opposite direction. A link implements
// it; it is apart from [Wire] because only the trigger "answer" asks.
type Answerer interface {
	// Answered returns a channel that is closed once the opposite direction of
	// this connection has carried its first byte.
	Answered() <-chan struct{}
}
