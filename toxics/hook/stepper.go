package hook

import "time"

// A Steppable is a toxic that may need no goroutine.
type Steppable interface {
	// CanStep reports whether what the toxic attaches to a link is one that steps.
	CanStep() bool
}

// CanStep reports whether a toxic, or what will be one, needs no goroutine.
func CanStep(toxic any) bool {
	s, ok := toxic.(Steppable)
	return ok && s.CanStep()
}

// An Inlet is what waits before a toxic, in chunks of a type C.
type Inlet[C any] interface {
	// Take takes the next chunk; there is none if it is nil. End says that the source has
	// ended there, once: a chunk comes no more.
	Take() (c *C, end bool)
}

// A Step is what became of one. Without a chunk and an end there is nothing to do
// before something comes, or it is time.
type Step[C any] struct {
	Out   *C        // leaves the toxic; the next step may be due at once
	Ended bool      // the toxic has closed its output
	Due   time.Time // of the next step if nothing comes; zero: never
}
