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

// DrawDelay draws one delay, from milliseconds. Its mean is the given one in every distribution; jitter is
// half the width of the uniform one, whose values are whole milliseconds as in
// Toxiproxy, and the standard deviation of the others. Below 0 it is 0.
func DrawDelay(mean, jitter int64, distribution string, chance *rand.Rand) time.Duration {
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
	return boundDelay(float64(mean + chance.Int64N(jitter*2) - jitter))
}

// maxDelay bounds delays so that the sum of two fits time.Duration.
const maxDelay = math.MaxInt64 / 2 / time.Millisecond * time.Millisecond

// boundDelay returns what lies between nothing and the longest delay.
func boundDelay(ms float64) time.Duration {
	return time.Duration(min(max(ms, 0), float64(maxDelay/time.Millisecond)) * float64(time.Millisecond))
}
