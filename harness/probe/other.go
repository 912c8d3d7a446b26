//go:build !linux

package probe

import "github.com/sockharness/harness/harness/sock"

type snapshot struct{ text []byte }

type tree struct{}

func (*snapshot) takeSnapshot([]int) (string, error) { return "", sock.ErrUnsupported }

func (*snapshot) readTree() (tree, string, error) { return tree{}, "", sock.ErrUnsupported }

func (tree) examineTree(bool) (Diagnosis, string, error) { return Diagnosis{}, "", sock.ErrUnsupported }

func measureUsage([]int, bool) (Usage, error) { return Usage{}, sock.ErrUnsupported }

func readSchedStats([]int) (map[int]SchedStat, error) { return nil, sock.ErrUnsupported }

func anyRunnable([]int) bool { return false }

func programName(int) string { return "" }
