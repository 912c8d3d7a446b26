package runner

import "github.com/sockharness/harness/harness/proxy"

// A shared is what the testbeds of one runner have in common. It is safe for concurrent use.
type shared struct {
	book      addressBook
	proxies   *proxy.Shared // nil: each proxy has its own
	proofSlot chan struct{} // see [await.Wait]
}

// newShared returns what testbeds can share that have their files in the same folder. The
// caller must Close it after them.
func newShared(tmp string) *shared {
	return &shared{book: newAddressBook(tmp), proxies: proxy.NewShared(), proofSlot: make(chan struct{}, 1)}
}

// NewSibling returns what testbeds can share that are used beside those of s: they have
// addresses of their own. The caller must Close it after them.
func (s *shared) NewSibling() *shared {
	return &shared{book: s.book, proxies: proxy.NewShared(), proofSlot: make(chan struct{}, 1)}
}

// Close closes what the proxies of the testbeds had in common.
func (s *shared) Close() { s.proxies.Close() }
