//go:build !linux

package proxy

import "github.com/sockharness/harness/harness/link"

func (s *session) mayLoop() bool                 { return false }
func (s *session) enterLoop() bool               { return false }
func (p *Proxy) ownSocket(c link.Conn) link.Conn { return c }
