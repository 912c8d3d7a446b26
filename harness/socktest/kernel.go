package socktest

import (
	"sync"

	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
)

// kernel is what all proxies and peers of the process have in common: of its own, each
// would cost threads, descriptors and 64 KiB. It is open until the last test has ended that
// had one of them, so that a test which makes one after the other opens it once.
var kernel sharedKernel

// A sharedKernel is a [sock.Diag] and what proxies share, with a count of its users.
type sharedKernel struct {
	mu      sync.Mutex // guards what follows
	users   int
	diag    *sock.Diag    // nil: the system cannot tell
	proxies *proxy.Shared // nil: no proxy has asked
}

// acquire returns the diag, nil where the system cannot tell. The caller must call
// release, once.
func (s *sharedKernel) acquire() *sock.Diag {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users++; s.users == 1 {
		s.diag, _ = sock.OpenDiag()
	}
	return s.diag
}

// acquireForProxy is acquire for a proxy.
func (s *sharedKernel) acquireForProxy() (*sock.Diag, *proxy.Shared) {
	diag := s.acquire()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proxies == nil {
		s.proxies = proxy.NewShared()
	}
	return diag, s.proxies
}

// release closes the diag when the last user is gone.
func (s *sharedKernel) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	if s.proxies != nil {
		_ = s.proxies.Close()
	}
	if s.diag != nil {
		_ = s.diag.Close()
	}
	s.proxies, s.diag = nil, nil
}
