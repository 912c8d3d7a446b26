package hook

// An OffsetSource is a Wire that knows where in the stream the toxic begins. A link
// implements it; it is apart from [Link] because only those ask who mean a place in
// the stream of a connection that was open before.
type OffsetSource interface {
	// StartOffset returns the stream offset of the first byte that the toxic sends on.
	StartOffset() int64
}
