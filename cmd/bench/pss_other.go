//go:build !linux

package main

import (
	"context"
	"errors"
)

// peakMemory is known on Linux only.
func peakMemory(context.Context, int) (kB, processes int, err error) {
	return 0, 0, errors.ErrUnsupported
}
