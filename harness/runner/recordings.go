package runner

import (
	"fmt"
	"hash/fnv"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// writeControl writes what was recorded of a control that has failed, once for all results
// that it blocks, and keeps the file's name in them.
func (r *Runner) writeControl(t *targetRun, results []outcome.Result) []outcome.Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	if recording := t.controlRecording; recording != nil && t.controlFile == "" {
		one := outcome.Result{Target: t.target.Name, Scenario: "control"}
		r.writeFiles(&one, filepath.Join(r.config.Pcap, r.recordingName(one)), "the conversation without a fault, on "+t.target.Name+": "+results[0].Message, recording)
		t.controlFile = strings.Join(one.Captures, "")
		results[0].Notes = append(results[0].Notes, one.Notes...)
	}
	if t.controlFile != "" {
		results[0].Captures = []string{t.controlFile}
	}
	return results
}

// keepRecording keeps what was recorded; nil: nothing was.
func (t *attempt) keepRecording(r *capture.Recording) {
	if r != nil {
		t.recordings = append(t.recordings, r)
	}
}

// withRecordingsOf puts what was recorded of the first run before that of the run that has
// confirmed it.
func (t attempt) withRecordingsOf(first attempt) attempt {
	t.recordings = slices.Compact(slices.Concat(first.recordings, t.recordings))
	return t
}

// writeRecordings writes what was recorded of a variant that has failed, if that was
// wanted, and keeps the names of the files in the result.
func (p *scenarioRun) writeRecordings(r *outcome.Result, recordings []*capture.Recording) {
	switch r.Verdict {
	case outcome.Fail, outcome.Flaky, outcome.Invalid, outcome.Blocked:
	default:
		return
	}
	if len(recordings) == 0 {
		return
	}
	files := []*capture.Recording{recordings[0]}
	if last := recordings[len(recordings)-1]; last != files[0] {
		files = append(files, last)
	}
	base := filepath.Join(p.runner.config.Pcap, p.runner.recordingName(*r))
	p.runner.writeFiles(r, base, fmt.Sprintf("%s on %s, %s: %s\n%s", r.Scenario, r.Target, r.Variant, r.Verdict, r.Message), files...)
}

// writeFiles writes one recording, or that of a run and that of another one that was to confirm
// it, and keeps the names of the files in the result.
func (*Runner) writeFiles(r *outcome.Result, base, caption string, files ...*capture.Recording) {
	for i, rec := range files {
		path := base + ".pcapng"
		if i > 0 {
			path, caption = base+".again.pcapng", "the run that was to confirm it: "+caption
		}
		if err := report.WriteFile(path, func(w io.Writer) error { return rec.WritePcapng(w, caption) }); err != nil {
			r.Notes = append(r.Notes, err.Error())
			continue
		}
		r.Captures = append(r.Captures, path)
	}
}

// maxName bounds the name of a file, without its ending; systems take 255 bytes.
const maxName = 180

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._=+,-]+`)

// recordingName returns a name for the file of a result, the same in each run, and unique
// among those of this runner.
func (r *Runner) recordingName(result outcome.Result) string {
	plain := strings.TrimSpace(result.Target + " " + result.Scenario + " " + result.Variant)
	if result.Check != "" {
		plain += " " + result.Check
	}
	name := notInNames.ReplaceAllString(plain, "-")
	if len(name) > maxName {
		h := fnv.New32a()
		_, _ = h.Write([]byte(plain))
		name = fmt.Sprintf("%s-%08x", name[:maxName], h.Sum32())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recorded == nil {
		r.recorded = map[string]int{}
	}
	if r.recorded[name]++; r.recorded[name] > 1 {
		return fmt.Sprintf("%s-%d", name, r.recorded[name])
	}
	return name
}
