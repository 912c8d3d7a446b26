package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/sockharness/harness/harness/outcome"
)

// A place is where in the sources a result belongs: the scenario's file, else the
// configuration.
type place struct {
	File string // empty: nowhere
	Line int    // from 1
}

func placeOf(d outcome.Run, r outcome.Result) place {
	if e := d.Scenarios[r.Scenario]; e.File != "" {
		return place{cleanLine(filepath.ToSlash(e.File)), max(e.Line, 1)}
	}
	if e := d.Environment; e != nil && e.Config != "" {
		return place{cleanLine(filepath.ToSlash(e.Config)), 1}
	}
	return place{}
}

// fingerprint is the same for the same words, run after run.
func fingerprint(words ...string) string {
	h := sha256.New()
	for _, w := range words {
		fmt.Fprintf(h, "%d:%s", len(w), w)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// uuidOf is a UUID of version 8 (RFC 9562 §5.8) that is made of the words.
func uuidOf(words ...string) string {
	b, _ := hex.DecodeString(fingerprint(words...)[:32])
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// topicLabel is the folder of a scenario's id, clean.
func topicLabel(scenario string) string { return cleanLine(topicFolder(scenario)) }
