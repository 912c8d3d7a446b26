package engine

import (
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// A fakeLink knows which connection it belongs to and nothing else.
type fakeLink struct{ hook.Link }

func (fakeLink) Conn() uint64               { return 1 }
func (fakeLink) Direction() event.Direction { return event.Downstream }

// A toxic with a seed of its own draws the same on every link.
func TestSeededLinksDrawTheSame(t *testing.T) {
	seed := int64(3)
	var drawn []uint64
	for range 2 {
		drawn = append(drawn, (&AttachableToxic{Seed: &seed}).seededWire(fakeLink{}).Rand().Uint64())
	}
	if drawn[0] != drawn[1] {
		t.Errorf("one seed on two links drew %d and %d, want the same number", drawn[0], drawn[1])
	}
}
