package explore

import "context"

// A subject is a peer under test that points are played to.
type subject interface {
	// calibrate starts the peer, holds its conversation without a fault, and returns
	// where the bytes lie.
	calibrate(ctx context.Context) (*layout, error)
	// lanes is how many points may be played at a time, of slow ones or others; chunk how many before settle.
	lanes(slow bool) int
	chunk() int
	// play plays a point in a hurry.
	play(ctx context.Context, p Point) verdict
	// settle looks at the peer after a chunk, and names what is wrong with it.
	settle(ctx context.Context) string
	// confirm plays a point alone and without hurry. damage is what settle has named.
	confirm(ctx context.Context, p Point, damage string) verdict
	// watch plays a point alone and tells what happened; nil is a run without a fault.
	watch(ctx context.Context, p *Point) (observation, error)
	// unstable says what of the conversation is masked.
	unstable() []string
	close()
}
