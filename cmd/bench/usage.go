package main

import "time"

// A machineTime is what the processors have done since the start, all together.
type machineTime struct{ busy, all time.Duration }
