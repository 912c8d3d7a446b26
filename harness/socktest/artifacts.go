package socktest

import (
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/report"
)

// keepsArtifacts reports whether the test's folder of artifacts outlives it: with go test
// -artifacts. Without it package testing removes the folder, and nobody removes Ginkgo's.
func keepsArtifacts(tb testing.TB) bool {
	f := flag.Lookup("test.artifacts")
	_, has := tb.(interface{ ArtifactDir() string })
	return has && f != nil && f.Value.String() == "true"
}

// recordPassages has everything recorded that passes the proxy, if it can be kept.
func (p *Proxy) recordPassages(c *proxy.Config) {
	if !keepsArtifacts(p.tb) {
		return
	}
	p.recording = capture.NewRecording()
	c.Record = p.recording.AddPassage
	c.Events = func(e event.Event) {
		p.recording.AddEvent(e)
		p.record.addEvent(e)
	}
}

// writeArtifacts writes what passed the proxy into the folder of the failed test's
// artifacts, and for the test's first proxy the command that runs the test again.
func (p *Proxy) writeArtifacts(number int) {
	p.tb.Helper()
	if p.recording == nil {
		return
	}
	dir := p.tb.(interface{ ArtifactDir() string }).ArtifactDir()
	if dir == "" {
		return
	}
	path := filepath.Join(dir, fmt.Sprintf("socktest-%d.pcapng", number))
	caption := fmt.Sprintf("%s: proxy %s to %s", p.tb.Name(), p.Addr(), p.running.FirstUpstream())
	err := report.WriteFile(path, func(w io.Writer) error { return p.recording.WritePcapng(w, caption) })
	if err == nil && number == 1 {
		err = report.WriteFile(filepath.Join(dir, "replay.txt"), func(w io.Writer) error {
			_, err := fmt.Fprintln(w, replayLine(p.tb, p.seed))
			return err
		})
	}
	if err != nil {
		p.tb.Logf("socktest: %v", err)
		return
	}
	p.tb.Logf("socktest: what passed the proxy: %s", path)
	if tb, ok := p.tb.(interface{ Attr(key, value string) }); ok && number == 1 {
		tb.Attr("harness.pcapng", path)
	}
}
