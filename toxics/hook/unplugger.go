package hook

import "context"

// An Unplugger is a Link whose destination can be left without a peer. A link
// implements it; it is apart from [Link] because only the toxic "unplug" asks.
type Unplugger interface {
	// Unplug blocks until the bytes up to offset, which the toxic has sent on, have
	// arrived, or make no progress any more; from then on the destination hears
	// nothing: what it sends is not acknowledged, and what ends the connection here is not
	// told to it. How says by what means.
	Unplug(ctx context.Context, offset int64) (how string, err error)
	// Replug undoes it.
	Replug()
}
