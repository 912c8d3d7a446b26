package rig

import "github.com/sockharness/harness/harness/proxy"

// A Shared is what the testbeds of one runner have in common. It is safe for concurrent use.
type Shared struct {
	book      addressBook
	proxies   *proxy.Shared // nil: each proxy has its own
	proofSlot chan struct{} // see [await.Wait]
}

// NewShared returns what testbeds can share that have their files in the same folder. The
// caller must Close it after them.
func NewShared(tmp string) *Shared {
	return &Shared{book: newAddressBook(tmp), proxies: proxy.NewShared(), proofSlot: make(chan struct{}, 1)}
}

// NewSibling returns what testbeds can share that are used beside those of s: they take no
// address that those of s have. The caller must Close it after them.
func (s *Shared) NewSibling() *Shared {
	return &Shared{book: s.book, proxies: proxy.NewShared(), proofSlot: make(chan struct{}, 1)}
}

// Close closes what the proxies of the testbeds had in common.
func (s *Shared) Close() { s.proxies.Close() }
