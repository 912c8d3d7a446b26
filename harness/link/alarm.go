package link

import "time"

// roughAlarm is an alarm by the runtime's timers.
func roughAlarm(at time.Time) (expired <-chan struct{}, stop func()) {
	rung := make(chan struct{})
	timer := time.AfterFunc(time.Until(at), func() { close(rung) })
	return rung, func() { timer.Stop() }
}
