package hook

// A ReplyNotifier is a Wire that knows of the opposite direction. A link implements
// it; it is apart from [Link] because only the trigger "answer" asks.
type ReplyNotifier interface {
	// ReplyStarted returns a channel that is closed once the opposite direction of
	// this connection has carried its first byte.
	ReplyStarted() <-chan struct{}
}
