package scenario

import "testing"

// What a leak's message counts is said with its noun, and per conversation.
func TestLeakMessages(t *testing.T) {
	grown := func(n int) Growth {
		return Growth{Conversations: 16, Descriptors: n, Threads: n, CloseWait: n, Memory: int64(n) << 20, What: "pipe; eventpoll"}
	}
	rounds := func(n ...int) (all []Growth) {
		for _, one := range n {
			all = append(all, grown(one))
		}
		return all
	}
	descriptors := func(g Growth) int { return g.Descriptors }
	for _, c := range []struct {
		oracle string
		rounds []Growth
		want   string
	}{
		{"descriptors", rounds(48, 48, 48), "the server leaks 3 descriptors per conversation: 48 more after 16 conversations, 48 more after the next 16, " +
			"48 more after the next 16; open now and not before the last round: pipe; eventpoll"},
		{"threads", rounds(16, -40, 16, 16), "the server leaks 1 thread per conversation: 16 more after 16 conversations, 40 fewer after the next 16, " +
			"16 more after the next 16, 16 more after the next 16"},
		{"close-wait", rounds(8), "the server leaks 0.5 sockets in CLOSE_WAIT per conversation: 8 more after 16 conversations; " +
			"open now and not before the last round: pipe; eventpoll"},
	} {
		if got := describeLeak(c.oracle, descriptors, c.rounds); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.oracle, got, c.want)
		}
	}
	err := memoryGrows(Observation{LeakRounds: &LeakRounds{Memory: rounds(9, 10)}})
	if want := "the server's resident memory grows with every round of conversations: 9 MiB more after 16 conversations, 10 MiB more after the next 16"; err == nil || err.Error() != want {
		t.Errorf("memory:\n got %v\nwant %s", err, want)
	}
}
