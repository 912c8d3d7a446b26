//go:build !linux

package runner

import "time"

// delays tells nothing where the system does not.
func delays([]int) map[int]time.Duration { return nil }
