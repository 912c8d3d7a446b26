package coordinator

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The report of a spec has what it printed. Of a large output it has the first and the last
// part, and says how much it was.
func TestOutputOfSpecs(t *testing.T) {
	const keep = 1000
	flood := 8 * (1<<20 + 1) // and the first and the last line
	note := func(words, kept string) string {
		return fmt.Sprintf("%d bytes, %s", flood+len("first \n")+len("last \n")+2*len(words), kept)
	}
	const both = "the first and the last 500 of them kept"
	eachProcs(t, func(t *testing.T, procs int) {
		c := request(t, "printing", procs)
		c.KeepOutput = keep
		r := mustRun(t, c)
		complete(t, c, r)
		for _, want := range []struct{ name, first, last, entry string }{
			{"group passes", "", "", note("of one that passes", "none of them kept, for it passed")},
			{"group says nothing", "", "", ""},
			{"group fails", "first of one that fails\nxx", "xx\nlast of one that fails\n", note("of one that fails", both)},
			{"group says little", "one\ntwo\n", "\nthree\n", ""},
			{"exits", "first of one that exits\nxx", "xx\nlast of one that exits\n", note("of one that exits", both)},
		} {
			report := find(t, r, want.name)
			got, entry := report.CapturedStdOutErr, ""
			for _, e := range report.ReportEntries {
				entry += e.StringRepresentation()
			}
			if entry != want.entry {
				t.Errorf("%s: the entry is %q, want %q", want.name, entry, want.entry)
			}
			if !strings.HasPrefix(got, want.first) || !strings.HasSuffix(got, want.last) || len(got) > 2*keep || (got == "") != (want.first == "") {
				t.Errorf("%s: got %d bytes, %.40q", want.name, len(got), got)
			}
			if n := len(report.CapturedGinkgoWriterOutput); n > 2*keep {
				t.Errorf("%s: %d bytes of GinkgoWriter are kept", want.name, n)
			}
		}
		if crash := r.Crashes[0]; !strings.HasSuffix(crash.Stderr, "last of one that exits\n") || len(crash.Stderr) > tailLimit {
			t.Errorf("the crash has %d bytes of output", len(crash.Stderr))
		}
	})
}

func TestEndsKeepBothEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kept := ends{limit: 2 * rapid.IntRange(1, 50).Draw(t, "half")}
		var all bytes.Buffer
		for range rapid.IntRange(0, 20).Draw(t, "writes") {
			p := bytes.Repeat([]byte{byte(rapid.IntRange('a', 'z').Draw(t, "byte"))}, rapid.IntRange(0, 150).Draw(t, "length"))
			kept.add(p)
			all.Write(p)
			if n := len(kept.first) + len(kept.last); n > 3*kept.half() {
				t.Fatalf("got %d bytes in memory, want at most %d", n, 3*kept.half())
			}
		}
		want := all.String()
		if n := len(want); n > kept.limit {
			want = fmt.Sprintf("%s\n… (%d bytes left out) …\n%s", want[:kept.half()], n-kept.limit, want[n-kept.half():])
			want = strings.Replace(want, "(1 bytes", "(1 byte", 1)
		}
		if kept.String() != want {
			t.Fatalf("got %q, want %q", kept.String(), want)
		}
		if got := endsOf(all.String(), kept.limit); got != want {
			t.Fatalf("endsOf: got %q, want %q", got, want)
		}
	})
}
