package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sockharness/harness/scenarios"
)

// examples DIR writes each YAML example of scenarios/WRITING.md to a file in the
// folder.
func examples(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: examples DIR")
	}
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	blocks := strings.Split(scenarios.Writing(), "```yaml\n")
	for i, block := range blocks[1:] {
		text, _, _ := strings.Cut(block, "```")
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), fmt.Sprintf("%02d.yaml", i+1)), []byte(text), 0o600))
	}
}
