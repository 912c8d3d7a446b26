package main

import (
	"os"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	readmeShell  = regexp.MustCompile("(?s)```sh\n(.*?)```")
	readmeOutput = regexp.MustCompile("(?s)```text\n(.*?)  timeline")
	readmeInline = regexp.MustCompile("`(bin/harness [a-z][^`]*)`")
)

// readmeCommands COMMANDS OUTPUT writes the commands of README.md that call bin/harness to
// one file, one a line, without their comments, and the output that the page shows, up to
// its timeline, to the other.
func readmeCommands(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: readme-commands COMMANDS OUTPUT")
	}
	page, err := os.ReadFile("../../README.md")
	ts.Check(err)
	var commands []string
	for _, block := range readmeShell.FindAllStringSubmatch(string(page), -1) {
		for line := range strings.SplitSeq(block[1], "\n") {
			if line, _, _ = strings.Cut(line, " #"); strings.Contains(line, "bin/harness") {
				commands = append(commands, strings.TrimSpace(line))
			}
		}
	}
	for _, span := range readmeInline.FindAllStringSubmatch(string(page), -1) {
		commands = append(commands, span[1])
	}
	shown := readmeOutput.FindStringSubmatch(string(page))
	if shown == nil {
		ts.Fatalf("README.md shows no output")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(shown[1]), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(commands, "\n")+"\n"), 0o600))
}
