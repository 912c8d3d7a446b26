package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// mostCorrections is how many lines of one file are corrected.
const mostCorrections = 64

// nestedMapping is a mapping of braces, or a number, behind two keys in one line:
// "framing: length-prefix: {bytes: 4}". YAML wants braces around it.
var nestedMapping = regexp.MustCompile(`^(\s*(?:- +)?[\w-]+: +)([\w-]+: +(?:\{.*\}|[0-9]+))(\s*(?:#.*)?)$`)

// bareText is text with a {name} inside, which is not quoted:
// "{command: python3 server.py {port}}". YAML wants quotes around it.
var bareText = regexp.MustCompile("([\\w-]+: +)([^\\s\"'\\[\\]{},#&*!|>%@`\\\\][^\"'\\[\\]{},\\\\]*(?:\\{[a-z]+\\}[^\"'\\[\\]{},\\\\]*?)+)(\\s*[},])")

// parseCorrected is parse, with the lines corrected that YAML refuses and that can
// mean one thing only. Where that does not help, the error is that of the text as it
// was written.
func parseCorrected(file string, data []byte) (*Node, error) {
	root, err := parseText(file, data)
	first := err
	for range mostCorrections {
		if root != nil || err == nil {
			return root, err
		}
		corrected, ok := correct(data, refusedLine(err))
		if !ok {
			return nil, withHint(first, data)
		}
		data = corrected
		root, err = parseText(file, data)
	}
	return nil, first
}

// refusedLine returns the line that the YAML library refuses, 0 where it does not
// say.
func refusedLine(err error) int {
	var one Error
	if errors.As(err, &one) {
		return one.Line
	}
	return 0
}

// twoKeys is a line with text behind two keys.
var twoKeys = regexp.MustCompile(`^\s*(?:- +)?([\w-]+): +([\w-]+): +([^{}\[\]"'#]+?)\s*$`)

// withHint shows the line as it should be, where two readings are possible.
func withHint(err error, data []byte) error {
	var one Error
	if !errors.As(err, &one) || one.Line == 0 {
		return err
	}
	lines := bytes.Split(data, []byte("\n"))
	m := twoKeys.FindSubmatch(lines[min(one.Line, len(lines))-1])
	if m == nil {
		return err
	}
	one.Hint = fmt.Sprintf("write %s: {%s: %s}, or %s: \"%s: %s\" where it is text", m[1], m[2], m[3], m[1], m[2], m[3])
	return Errors{one}
}

// correct writes the line, from 1, the way YAML wants it. ok is false where it is
// no line that can be corrected.
func correct(data []byte, line int) (corrected []byte, ok bool) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return nil, false
	}
	text := bytes.TrimRight(lines[line-1], "\r\n")
	ending := lines[line-1][len(text):]
	better := bareText.ReplaceAll(nestedMapping.ReplaceAll(text, []byte("$1{$2}$3")), []byte(`$1"$2"$3`))
	if bytes.Equal(better, text) {
		return nil, false
	}
	lines[line-1] = slices.Concat(better, ending)
	return slices.Concat(lines...), true
}
