package coordinator

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// An output is what a worker prints to stdout and stderr, in the order in which it does:
// the first and the last part of what came since the last report.
type output struct {
	pipe *os.File
	also io.Writer     // gets everything, too
	done chan struct{} // closed when nothing more can come

	mu     sync.Mutex // guards what follows
	buffer [64 << 10]byte
	spoken ends
}

// attachOutput has what cmd prints read, limit bytes of it kept for each report, and
// everything written to also. The caller closes the file that it returns once cmd has
// started.
func attachOutput(cmd *exec.Cmd, limit int, also io.Writer) (*output, *os.File, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("worker output: %w", err)
	}
	cmd.Stdout, cmd.Stderr = to, to
	return &output{pipe: from, also: also, done: make(chan struct{}), spoken: ends{limit: limit}}, to, nil
}

// readAll reads until every process has closed the pipe.
func (o *output) readAll() {
	defer close(o.done)
	o.readPipe()
}

// addLocked keeps what was read.
func (o *output) addLocked(p []byte) {
	o.spoken.add(p)
	_, _ = o.also.Write(p)
}

// take returns what was printed since the last call. The worker waits for the answer to its
// report, so that is everything that it printed before the report.
func (o *output) take() ends {
	o.readWaiting()
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := o.spoken
	o.spoken = ends{limit: taken.limit}
	return taken
}

// finish is called when the worker is dead. It waits a moment for a process that is not of
// its session and holds the pipe open.
func (o *output) finish() {
	if o == nil {
		return
	}
	_ = o.pipe.SetReadDeadline(time.Now().Add(pipeDelay))
	<-o.done
	_ = o.pipe.Close()
}

// addOutput puts what s has printed into the report of a spec that failed. The output that
// Ginkgo has captured is cut to the same size.
func (s *session) addOutput(report *types.SpecReport) {
	o := s.process.output
	if o == nil {
		return
	}
	printed := o.take()
	limit, kept := printed.limit, "none of them kept, for it passed"
	if report.Failed() {
		report.CapturedStdOutErr += printed.String()
		kept = fmt.Sprintf("the first and the last %d of them kept", printed.half())
	}
	if printed.leftOut() > 0 {
		report.ReportEntries = append(report.ReportEntries, types.ReportEntry{Name: "printed",
			Value: types.WrapEntryValue(fmt.Sprintf("%d bytes, %s", printed.total, kept))})
	}
	report.CapturedGinkgoWriterOutput = endsOf(report.CapturedGinkgoWriterOutput, limit)
}
