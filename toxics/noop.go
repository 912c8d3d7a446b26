package toxics

import tp "github.com/Shopify/toxiproxy/v2/toxics"

// A noop toxic does nothing in its link; what it stands for happens elsewhere.
type noop struct{}

func (noop) startOn(f *flow) tp.Toxic { return &noopPipe{f} }

type noopPipe struct{ *flow }

func (p *noopPipe) Pipe(stub *tp.ToxicStub) { p.relayChunks(stub, p.passChunk) }
