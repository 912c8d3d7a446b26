//go:build !linux

package link

import (
	"context"
	"errors"
)

type pipe struct{ held int }

const pipeSize, bigPipes, smallPipe = 0, 0, 0

func newPipe(int) (*pipe, error) { return nil, errors.ErrUnsupported }

func (*pipe) close() {}

func (l *Link) splice(uint64) carry {
	l.noSplice = true
	return carry{toChain: true}
}

func (l *Link) delay(context.Context, []Stage, delays, uint64, *pipe) carry {
	l.noSplice = true
	return carry{toChain: true}
}

func (l *Link) resume(_ context.Context, from carry) carry { return from }

func (l *Link) unpipe(c carry) carry { return c }
