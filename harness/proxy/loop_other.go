//go:build !linux

package proxy

import "net"

// A loop carries connections by events of the kernel's, on Linux.
type loop struct{}

func newLoop(*Proxy) *loop { return nil }

func (l *loop) run()                     {}
func (l *loop) kick()                    {}
func (l *loop) tick()                    {}
func (l *loop) listen(net.Listener) bool { return false }
func (l *loop) unlisten()                {}
