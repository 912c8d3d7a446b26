package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	// MaxSize is the size in bytes beyond which a file is refused.
	MaxSize = 16 << 20
	// MaxDepth is how deep lists and mappings may be nested.
	MaxDepth = 64
)

// LoadFile reads and parses a file. See [ParseText].
func LoadFile(path string) (*Node, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, Errors{{File: path, Message: causeText(err), Hint: "give the path of a file that can be read"}}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, Errors{{File: path, Message: causeText(err), Hint: "give the path of a file that can be read"}}
	}
	return ParseText(path, data)
}

// causeText is err without the path, which the Error carries itself.
func causeText(err error) string {
	var in *os.PathError
	if errors.As(err, &in) {
		return in.Err.Error()
	}
	return err.Error()
}

// ParseText returns the root of the one YAML document in data; file is the name
// that errors and nodes carry. The error is of type [Errors]: the first error
// of syntax, or everything in the file that this package refuses; in the second
// case the root is returned beside it, so that a [Decoder] may find the rest
// (see [Decoder.AddError]). A file without content has a root of kind [Nothing].
func ParseText(file string, data []byte) (root *Node, err error) {
	defer func() {
		// The YAML library is young; a panic of it is a file that it cannot read.
		if r := recover(); r != nil {
			root, err = nil, Errors{{File: file, Message: fmt.Sprintf("the file is not YAML: %v", r)}}
		}
	}()
	if e, bad := findUnreadable(data); bad {
		e.File = file
		return nil, Errors{e}
	}
	return parseCorrected(file, data)
}

func parseText(file string, data []byte) (*Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(MaxDepth))))
	if err != nil {
		return nil, fmt.Errorf("yaml loader: %w", err)
	}
	var first, second yaml.Node
	if err := loader.Load(&first); errors.Is(err, io.EOF) {
		return &Node{file: file, line: 1, column: 1}, nil
	} else if err != nil {
		return nil, Errors{syntaxError(file, err)}
	}
	b := builder{file: file}
	root := b.buildNode(first.Content[0])
	switch err := loader.Load(&second); {
	case err == nil:
		b.refuseNode(&second, "a second document begins here", "put it into another file")
	case !errors.Is(err, io.EOF):
		b.errs = append(b.errs, syntaxError(file, err))
	}
	return root, b.errs.sortedErrors()
}

// findUnreadable finds what the YAML library refuses without saying where.
func findUnreadable(data []byte) (Error, bool) {
	if len(data) > MaxSize {
		return Error{Message: fmt.Sprintf("the file is larger than %d MiB", MaxSize>>20), Hint: "move payloads into files and name them with {file: path}"}, true
	}
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return Error{Line: line, Column: column, Message: fmt.Sprintf("byte 0x%02x is not UTF-8", data[i]),
				Hint: "write binary bytes as {hex: …} or {base64: …}"}, true
		}
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f {
			return Error{Line: line, Column: column, Message: fmt.Sprintf("control character 0x%02x", r),
				Hint: `write it as an escape in double quotes, such as "\x1b"`}, true
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		i += size
	}
	return Error{}, false
}

func syntaxError(file string, err error) Error {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return Error{File: file, Message: err.Error()}
	}
	message := le.Message
	if le.ContextMsg != "" {
		message += " " + le.ContextMsg
	}
	e := Error{File: file, Line: max(le.Mark.Line, 1), Column: max(le.Mark.Column, 1), Message: message}
	switch {
	case strings.Contains(message, "exceeded max depth"):
		e.Message, e.Hint = fmt.Sprintf("nested deeper than %d", MaxDepth), "flatten it"
	case strings.Contains(message, "unknown escape"):
		e.Hint = `double the backslash, or use single quotes`
	case strings.Contains(message, "cannot start any token"):
		e.Hint = "indent with spaces and quote text that begins with a special character"
	case strings.Contains(message, "mapping values are not allowed"):
		e.Hint = `quote text that contains ": ", or put braces around the inner mapping`
	default:
		e.Hint = "correct the YAML"
	}
	return e
}
