package toxics

import (
	"math"
	"math/rand/v2"
	"time"
)

// The distributions of a jitter.
const (
	uniform = "uniform"
	normal  = "normal"
	pareto  = "pareto"
)

// Shape, mean and standard deviation of a Pareto distribution whose least value
// is 1: mean = a/(a-1), deviation = √(a/((a-1)²(a-2))).
const (
	paretoShape     = 3.0
	paretoMean      = paretoShape / (paretoShape - 1)
	paretoDeviation = 0.8660254037844386 // √(3/4)
)

// drawDelay draws one delay. The mean is latency in every distribution; jitter is
// half the width of the uniform one, whose values are whole milliseconds as in
// Toxiproxy, and the standard deviation of the others. Below 0 it is 0.
func (l latency) drawDelay(chance *rand.Rand) time.Duration {
	mean, jitter := float64(l.latency), float64(l.jitter)
	switch {
	case l.jitter <= 0:
		return boundDelay(mean)
	case l.distribution == normal:
		return boundDelay(mean + jitter*chance.NormFloat64())
	case l.distribution == pareto:
		x := math.Pow(1-chance.Float64(), -1/paretoShape)
		return boundDelay(mean + jitter*(x-paretoMean)/paretoDeviation)
	}
	return boundDelay(float64(l.latency + chance.Int64N(l.jitter*2) - l.jitter))
}

// boundDelay returns what lies between nothing and the longest delay.
func boundDelay(ms float64) time.Duration {
	return time.Duration(min(max(ms, 0), float64(maxMilliseconds)) * float64(time.Millisecond))
}
