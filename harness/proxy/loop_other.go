//go:build !linux

package proxy

// A loop carries connections by events of the kernel's, on Linux.
type loop struct{}

func newLoop(*loops) *loop { return nil }

func (l *loop) runLoop()                        {}
func (l *loop) wakeUp()                         {}
func (l *loop) noteTick()                       {}
func (l *loop) recheckLater(*Proxy)             {}
func (l *loop) listenOn(*Proxy, port) *loopPort { return nil }

// A loopPort is a port that loops accept from.
type loopPort struct{}

func (*loopPort) stopListening()    {}
func (*loopPort) numAccepting() int { return 0 }

// A loopSession is a session in a loop.
type loopSession struct{}

// A localUpstream is where an upstream is on this host.
type localUpstream struct{}
