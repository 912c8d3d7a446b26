//go:build !linux

package sleep

import "time"

// Briefly blocks for d.
func Briefly(d time.Duration) { time.Sleep(d) }
