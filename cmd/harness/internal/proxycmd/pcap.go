package proxycmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/report"
)

// A connectionFiles writes a pcapng file for each connection that is over.
type connectionFiles struct {
	dir       string
	started   time.Time
	recording *capture.Recording
	writing   sync.WaitGroup
	failed    sync.Once
}

// recordConnections has the connections of the proxy recorded, if that is wanted. What it
// returns must be waited for once the proxy is closed; nil: nothing is recorded.
func (f *proxyFlags) recordConnections(cfg *proxy.Config) *connectionFiles {
	if f.pcap == "" {
		return nil
	}
	c := &connectionFiles{dir: f.pcap, started: time.Now(), recording: capture.NewRecording()}
	others := cfg.Events
	cfg.Record = c.recording.AddPassage
	cfg.Events = func(e event.Event) {
		c.recording.AddEvent(e)
		if e.Kind == event.Close {
			one := c.recording.TakeConnection(e.Conn)
			c.writing.Go(func() { c.write(e, one) })
		}
		others.Emit(e)
	}
	return c
}

// write writes the file of one connection. The first one that fails is told of.
func (c *connectionFiles) write(e event.Event, one *capture.Recording) {
	name := fmt.Sprintf("%s-%d.pcapng", c.started.Format("20060102-150405"), e.Conn)
	caption := fmt.Sprintf("connection %d: %s", e.Conn, e.Detail)
	err := report.WriteFile(filepath.Join(c.dir, name), func(w io.Writer) error { return one.WritePcapng(w, caption) })
	if err != nil {
		c.failed.Do(func() { fmt.Fprintln(os.Stderr, "harness:", err) })
	}
}

// A recordedProxy is a proxy whose files are complete once it is closed.
type recordedProxy struct {
	*proxy.Proxy
	files *connectionFiles
}

// Close closes the proxy and waits for the files.
func (p recordedProxy) Close() error {
	err := p.Proxy.Close()
	p.files.writing.Wait()
	return err
}
