package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A SyntaxError is a mistake in a configuration that keeps it from being read.
type SyntaxError struct {
	Line, Column int // from 1; a column is a byte
	Err          error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %v", e.Line, e.Column, e.Err) }

func (e *SyntaxError) Unwrap() error { return e.Err }

// locate says where in a text it was that decoding it failed, in words for who
// has written it.
func locate(text []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var offset int64
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		offset, err = int64(len(text)), errors.New("it ends too soon: want a list of proxies, [{\"name\": ..., \"upstream\": ...}]")
	case errors.As(err, &syntax):
		offset = max(syntax.Offset-1, 0)
	case errors.As(err, &kind):
		offset = max(kind.Offset-1, 0)
		switch kind.Field {
		case "":
			err = fmt.Errorf("want a list of proxies, got %s", article(kind.Value))
		default:
			err = fmt.Errorf("%s cannot be %s", kind.Field, article(kind.Value))
		}
	default:
		return badBody(err)
	}
	before := text[:min(int(offset), len(text))]
	return &SyntaxError{Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'), Err: err}
}

func article(kind string) string {
	switch kind {
	case "array", "object":
		return "an " + kind
	}
	return "a " + kind
}
