//go:build !linux

package link

import (
	"context"
	"errors"
)

type pipe struct{ held int }

const pipeSize, bigPipes, smallPipe = 0, 0, 0

func newPipe(int) (*pipe, error) { return nil, errors.ErrUnsupported }

func (*pipe) closeFDs() {}

func (l *Link) spliceStream(uint64) handoff {
	l.noSplice = true
	return handoff{useChain: true}
}

func (l *Link) delayStream(_ context.Context, _ []Stage, _ delays, _ uint64, before handoff) handoff {
	l.noSplice = true
	before.useChain = true
	return before
}

func (l *Link) resumeHeld(_ context.Context, from handoff) handoff { return from }

func (l *Link) takeFromPipe(c handoff) handoff { return c }
