package toxics

import tp "github.com/Shopify/toxiproxy/v2/toxics"

// A passing toxic does nothing in its link; what it stands for happens elsewhere.
type passing struct{}

func (passing) start(f *flow) tp.Toxic { return &passingPipe{f} }

type passingPipe struct{ *flow }

func (p *passingPipe) Pipe(stub *tp.ToxicStub) { p.relay(stub, p.pass) }
