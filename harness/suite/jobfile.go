package suite

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/sockharness/harness/harness/scenariofile"
)

// Encode returns the job for another process of the same program, see [DecodeJob]: a line of
// JSON, and the scenario files packed, since there may be thousands.
func (j Job) Encode() ([]byte, error) {
	line, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("job encode: %w", err)
	}
	return append(append(line, '\n'), scenariofile.PackAll(j.Files, j.Summaries)...), nil
}

// DecodeJob returns the job that was encoded.
func DecodeJob(data []byte) (Job, error) {
	line, packed, _ := bytes.Cut(data, []byte("\n"))
	var j Job
	if err := json.Unmarshal(line, &j); err != nil {
		return Job{}, fmt.Errorf("job decode: %w", err)
	}
	var err error
	if j.Files, j.Summaries, err = scenariofile.UnpackAll(packed); err != nil {
		return Job{}, fmt.Errorf("job decode: %w", err)
	}
	return j, nil
}
