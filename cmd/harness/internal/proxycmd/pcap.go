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
	"github.com/sockharness/harness/harness/link"
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

// recordConnections returns what has all that passes a proxy recorded, and the sink for its
// events, if that is wanted. What is returned first must be waited for once the proxy is
// closed; nil: nothing is recorded.
func (f *proxyFlags) recordConnections(others event.Sink) (*connectionFiles, func(link.Passage), event.Sink) {
	if f.pcap == "" {
		return nil, nil, others
	}
	c := &connectionFiles{dir: f.pcap, started: time.Now(), recording: capture.NewRecording()}
	return c, c.recording.AddPassage, func(e event.Event) {
		c.recording.AddEvent(e)
		if e.Kind == event.Close {
			one := c.recording.TakeConnection(e.Conn)
			c.writing.Go(func() { c.write(e, one) })
		}
		others.Emit(e)
	}
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
	foreground
	files *connectionFiles
}

// Close closes the proxy and waits for the files.
func (p recordedProxy) Close() error {
	err := p.foreground.Close()
	p.files.writing.Wait()
	return err
}

// withFiles returns a proxy that waits for the files, if there are any, when it is closed.
func withFiles(p foreground, files *connectionFiles, err error) (foreground, error) {
	if files == nil || err != nil {
		return p, err
	}
	return recordedProxy{p, files}, nil
}
