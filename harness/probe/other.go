//go:build !linux

package probe

import "github.com/sockharness/harness/harness/sock"

type snapshot struct{ text []byte }

type tree struct{}

func (*snapshot) take([]int) (string, error) { return "", sock.ErrUnsupported }

func (*snapshot) read() (tree, string, error) { return tree{}, "", sock.ErrUnsupported }

func (tree) examine(bool) (Diagnosis, string, error) { return Diagnosis{}, "", sock.ErrUnsupported }

func measure([]int, bool) (Usage, error) { return Usage{}, sock.ErrUnsupported }

func turns([]int) (map[int]Turn, error) { return nil, sock.ErrUnsupported }

func inLine([]int) bool { return false }

func program(int) string { return "" }
