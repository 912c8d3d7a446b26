// Package engine is what the toxics of package toxics are built of.
//
//	type upper struct{}
//
//	func (upper) StartOn(f *engine.Flow) tp.Toxic { return &upperPipe{f} }
//
//	type upperPipe struct{ *engine.Flow }
//
//	func (p *upperPipe) Pipe(stub *tp.ToxicStub) {
//		p.RelayChunks(stub, func(c *stream.StreamChunk) { c.Data = bytes.ToUpper(c.Data); p.Sending = c })
//	}
//
//	toxic := &engine.AttachableToxic{Behavior: upper{}} // runs in a link
//
// A [Behavior] is a toxic before it is attached. It starts on a [Flow], the stream of one
// link, which knows its offset and outlives an interrupt. [NewTriggered] puts a trigger
// before any behavior, and [NewOffsetSource] draws the same at an offset however the
// stream was cut.
package engine
