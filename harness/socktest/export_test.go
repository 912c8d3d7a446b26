package socktest

import "context"

// Await blocks until something is so that an event of the proxy brings about.
func (p *Proxy) Await(ctx context.Context, reached func() bool) error {
	return p.record.await(ctx, reached)
}

// Await is that of [Proxy].
func (p *PacketProxy) Await(ctx context.Context, reached func() bool) error {
	return p.record.await(ctx, reached)
}
