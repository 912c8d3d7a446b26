package framing

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// paced is a line of chunks of 1 MiB, each of which costs so much more than the one before.
func paced(cpu, growth time.Duration, n int) *readPace {
	p := &readPace{chunk: 1 << 20}
	for i := range n {
		cost := cpu + time.Duration(i)*growth
		p.chunkRead(p.past+cost, p.spent+cost)
	}
	return p
}

// starved is the same on a machine where the server has a tenth of a processor.
func starved(p *readPace) *readPace {
	p.past *= 10
	return p
}

func TestPaceTellsAQuadraticBuffer(t *testing.T) {
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		pace *readPace
		want string // part of the error; empty: none
	}{
		"quadratic":                       {paced(20*ms, 20*ms, 25), "1024 KiB cost it 480ms of CPU after 25 MiB, and 40ms at first"},
		"quadratic, and a busy machine":   {starved(paced(5*ms, 5*ms, 13)), "1024 KiB cost it 60ms of CPU after 13 MiB, and 10ms at first"},
		"slow all the time":               {paced(300*ms, 0, 200), ""},
		"as slow, and a busy machine":     {starved(paced(30*ms, 0, 200)), ""},
		"slowing, in time":                {paced(1*ms, 1*ms, 64), ""},
		"cheap, whatever the first costs": {starved(starved(paced(50*time.Microsecond, 50*time.Microsecond, 64))), ""},
		"too slow to compare":             {paced(3*time.Second, 0, 2), ""},
		"nothing has been read":           {paced(0, 0, 0), ""},
		"as fast as one likes it":         {paced(ms, 0, 64), ""},
	} {
		err := tt.pace.slowing()
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

// A line of which too little was read in the time proves nothing of what a server keeps.
func TestPaceTellsThatTooLittleWasRead(t *testing.T) {
	const most = 32 << 20
	for name, tt := range map[string]struct {
		pace *readPace
		want bool
	}{
		"as much as it may keep, and no time left": {starved(paced(100*time.Millisecond, 0, 32)), true},
		"more, and no time left":                   {starved(paced(100*time.Millisecond, 0, 33)), false},
		"as much, in time":                         {paced(100*time.Millisecond, 0, 32), false},
	} {
		if err := tt.pace.tooLittle(most); errors.Is(err, scenario.ErrUnsupported) != tt.want {
			t.Errorf("%s: got %v, want an error that says unsupported: %v", name, err, tt.want)
		}
	}
}
