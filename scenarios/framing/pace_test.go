package framing

import (
	"strings"
	"testing"
	"time"
)

func paced(chunk time.Duration, growth time.Duration, n int) *readPace {
	p := newPace(1 << 20)
	for i := range n {
		p.took = append(p.took, chunk+time.Duration(i)*growth)
		p.before = p.before.Add(p.took[i])
	}
	return p
}

func TestPaceTellsAQuadraticBuffer(t *testing.T) {
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		pace *readPace
		want string // part of the error; empty: none
	}{
		"quadratic":               {paced(20*ms, 20*ms, 25), "at 2185 KB/s after 25 MiB, and at 26214 KB/s at first: it is slowing"},
		"slow all the time":       {paced(300*ms, 0, 200), ""},
		"slowing, in time":        {paced(1*ms, 1*ms, 64), ""},
		"too slow to compare":     {paced(3*time.Second, 0, 2), ""},
		"nothing has been read":   {paced(0, 0, 0), ""},
		"as fast as one likes it": {paced(ms, 0, 64), ""},
	} {
		err := tt.pace.slowing()
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}
