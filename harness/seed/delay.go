package seed

import (
	"math"
	"math/rand/v2"
	"time"
)

// The distributions of a jitter, see [DrawDelay].
const (
	Uniform = "uniform"
	Normal  = "normal"
	Pareto  = "pareto"
)

// Shape, mean and standard deviation of a Pareto distribution whose least value
// is 1: mean = a/(a-1), deviation = √(a/((a-1)²(a-2))).
const (
	paretoShape     = 3.0
	paretoMean      = paretoShape / (paretoShape - 1)
	paretoDeviation = 0.8660254037844386 // √(3/4)
)

// DrawDelay draws one delay. Its mean is the given one in every distribution; jitter is
// half the width of the uniform one, whose values are whole milliseconds as in
// Toxiproxy, or microseconds where mean or jitter are no whole milliseconds, and the standard deviation of the others. Below 0 it is 0.
func DrawDelay(mean, jitter time.Duration, distribution string, chance *rand.Rand) time.Duration {
	center, spread := float64(mean), float64(jitter)
	switch {
	case jitter <= 0:
		return boundDelay(center)
	case distribution == Normal:
		return boundDelay(center + spread*chance.NormFloat64())
	case distribution == Pareto:
		x := math.Pow(1-chance.Float64(), -1/paretoShape)
		return boundDelay(center + spread*(x-paretoMean)/paretoDeviation)
	}
	unit := delayUnit(mean, jitter)
	return boundDelay(center + float64(unit)*float64(chance.Int64N(int64(jitter/unit)*2)) - spread)
}

// maxDelay bounds delays so that the sum of two fits time.Duration.
const maxDelay = math.MaxInt64 / 2 / time.Millisecond * time.Millisecond

// delayUnit returns what a uniform delay is a multiple of.
func delayUnit(mean, jitter time.Duration) time.Duration {
	if mean%time.Millisecond != 0 || jitter%time.Millisecond != 0 {
		return time.Microsecond
	}
	return time.Millisecond
}

// boundDelay returns what lies between nothing and the longest delay.
func boundDelay(ns float64) time.Duration {
	return time.Duration(min(max(ns, 0), float64(maxDelay)))
}
