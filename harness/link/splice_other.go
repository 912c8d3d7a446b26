//go:build !linux

package link

import "errors"

type pipe struct{ held int }

func newPipe() (*pipe, error) { return nil, errors.ErrUnsupported }

func (*pipe) close() {}

func (l *Link) splice(uint64) carry {
	l.noSplice = true
	return carry{toChain: true}
}
