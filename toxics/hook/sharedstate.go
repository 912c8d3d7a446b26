package hook

// A SharedState is a Wire on which the toxics of one connection, of both directions,
// find what they share. A link implements it; it is apart from [Link] because
// only the trigger "opposite" asks.
type SharedState interface {
	// Shared returns what the connection has under the key, which is fresh's when
	// nobody has asked for it before. The key must be comparable.
	Shared(key any, fresh func() any) any
}
