//go:build !linux

package runner

import "github.com/sockharness/harness/harness/peer"

func listeners(*peer.Process) map[int]uint64 { return nil }

func began(int) uint64 { return 0 }
