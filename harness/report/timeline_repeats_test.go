package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A client that connects without a pause is told in few lines, with how many are left out.
func TestStormIsFolded(t *testing.T) {
	var events []event.Event
	for i := range 200 {
		events = append(events, event.Event{Kind: event.Refuse, Side: event.Client, At: time.Duration(i) * time.Millisecond,
			Detail: fmt.Sprintf("connect from 127.0.0.1:%d", 9000+7*i)})
	}
	events = append(events, event.Event{Kind: event.Struck, Toxic: event.ByScenario, Detail: "201 attempts to connect"})
	tl := newTimeline(events)
	var lines []string
	for _, m := range tl.moments {
		lead, rest := tl.formatRow(m)
		lines = append(lines, lead+rest)
	}
	text := strings.Join(lines, "\n")
	if len(lines) != 6 || !strings.Contains(text, "196 more events like these") || !strings.Contains(text, "127.0.0.1:9000") || !strings.Contains(text, "harness  201 attempts") {
		t.Errorf("got %d lines:\n%s", len(lines), text)
	}
}

func TestShortTimelineIsWhole(t *testing.T) {
	rows := make([]timelineRow, longTimeline)
	if got := foldRepeats(rows); len(got) != longTimeline {
		t.Errorf("got %d rows, want %d", len(got), longTimeline)
	}
}
