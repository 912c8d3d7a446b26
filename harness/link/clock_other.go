//go:build !linux

package link

import "time"

type clock struct{}

func (*clock) alarmAt(at time.Time) (expired <-chan struct{}, stop func()) { return roughAlarm(at) }

func (*clock) closeClock() {}
