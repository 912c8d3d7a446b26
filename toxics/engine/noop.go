package engine

import tp "github.com/Shopify/toxiproxy/v2/toxics"

// A NoopBehavior toxic does nothing in its link; what it stands for happens elsewhere.
type NoopBehavior struct{}

func (NoopBehavior) StartOn(f *Flow) tp.Toxic { return &noopPipe{f} }

type noopPipe struct{ *Flow }

func (p *noopPipe) Pipe(stub *tp.ToxicStub) { p.RelayChunks(stub, p.PassChunk) }
