//go:build !linux

package probe

import (
	"time"

	"github.com/sockharness/harness/harness/sock"
)

type snapshot struct{ text []byte }

type tree struct{}

type turn struct {
	pid         int
	ran, waited time.Duration
}

func (*snapshot) take([]int) (string, error) { return "", sock.ErrUnsupported }

func (*snapshot) read() (tree, string, error) { return tree{}, "", sock.ErrUnsupported }

func (tree) examine() (Diagnosis, string, error) { return Diagnosis{}, "", sock.ErrUnsupported }

func measure([]int) (Usage, error) { return Usage{}, sock.ErrUnsupported }

func turns([]int) (map[int]turn, error) { return nil, sock.ErrUnsupported }

func program(int) string { return "" }
