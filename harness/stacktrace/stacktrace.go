// Package stacktrace finds the lines in what a program wrote on its standard
// error that tell why it failed, whatever its language: the line that names an
// exception, a panic or a failed assertion, and the lines around it.
//
//	stacktrace.Cause("panic: no listener\n\ngoroutine 1 [running]:\n") // "panic: no listener"
//	for _, i := range stacktrace.Select(lines, 12) {
//		fmt.Println(lines[i])
//	}
package stacktrace

import (
	"regexp"
	"strings"
)

// A lineKind says what a line of standard error is.
type lineKind int

const (
	plainLine   lineKind = iota
	noiseLine            // says nothing about the cause: a version, a row of carets, nothing
	frameLine            // one call of a stack
	mentionLine          // speaks of an error
	headLine             // names the exception, the panic, the failed assertion
)

// The line that begins or ends a trace and names what happened.
var headPattern = regexp.MustCompile(`^(?:` +
	`panic: |fatal error: |runtime: out of memory|` + // Go
	`Exception in thread |Unhandled exception|` + // Java, .NET
	`thread '.*' .*panicked at|` + // Rust
	`PHP Fatal error|Fatal error: |` +
	`\*\*\* .+ \*\*\*|free\(\): |(?:==\d+==)?ERROR: \w+Sanitizer|` + // C
	`.*[Aa]ssertion .*failed|` +
	`.*\((?:\w+::)*\w+(?:Error|Exception)\)$|` + // Ruby
	`(?:Uncaught )?(?:[A-Za-z_$][\w$]*(?:\.|::))*(?:[A-Za-z_$][\w$]*(?:Error|Exception|Interrupt|Exit)|error|Error|Exception)(?:$|: |:$| \[| \())`)

var mentionPattern = regexp.MustCompile(`(?i)\b(?:error|exception|panic|panicked|fatal|abort|aborted|assert|assertion|uncaught|unhandled|caused by|segmentation|stack smashing|core dumped)\b`)

var framePattern = regexp.MustCompile(`^(?:\s+at |\s+\.\.\. \d+ more|\s+File "|\s+\d+: |\t|\s+from |goroutine \d+|created by |\s*#\d+ )`)

var noisePattern = regexp.MustCompile(`^(?:[\s^~{}\[\]|-]*|Node\.js v\d.*|note: run with .*|exit status \d+|\(Use .node --trace.*)$`)

// tracebackStart begins a Python traceback; the first line after it that is not
// indented names the exception, whatever that is called.
const tracebackStart = "Traceback (most recent call last):"

func classify(lines []string) []lineKind {
	kinds := make([]lineKind, len(lines))
	inTraceback := false
	for i, line := range lines {
		line = strings.TrimRight(line, "\r ")
		indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case line == tracebackStart:
			kinds[i], inTraceback = mentionLine, true
		case noisePattern.MatchString(line):
			kinds[i] = noiseLine
		case inTraceback && indented:
			kinds[i] = frameLine
		case inTraceback || headPattern.MatchString(line):
			kinds[i], inTraceback = headLine, false
		case framePattern.MatchString(line):
			kinds[i] = frameLine
		case mentionPattern.MatchString(line):
			kinds[i] = mentionLine
		}
	}
	return kinds
}

// maxCause is how many bytes of the cause are returned at most.
const maxCause = 200

// Cause returns the line that names why a program failed: that of its last
// trace, else its last line that says anything. It is trimmed, at most 200 bytes
// long, and empty when the text says nothing.
func Cause(text string) string {
	lines := strings.Split(text, "\n")
	kinds := classify(lines)
	last := -1
	for i := len(lines) - 1; i >= 0; i-- {
		if kinds[i] == headLine {
			return shorten(headOf(lines, kinds, i))
		}
		if last < 0 && (kinds[i] == plainLine || kinds[i] == mentionLine) {
			last = i
		}
	}
	if last < 0 {
		return ""
	}
	return shorten(strings.TrimSpace(lines[last]))
}

// headOf returns the line, and the next one where only that says what happened, as
// Rust has it.
func headOf(lines []string, kinds []lineKind, i int) string {
	head := strings.TrimSpace(lines[i])
	if strings.HasSuffix(head, ":") && i+1 < len(lines) && kinds[i+1] != frameLine {
		head = strings.TrimSpace(head + " " + strings.TrimSpace(lines[i+1]))
	}
	return head
}

func shorten(s string) string {
	if len(s) <= maxCause {
		return s
	}
	return strings.ToValidUTF8(s[:maxCause], "") + "…"
}
