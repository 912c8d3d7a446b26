package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sockharness/harness/harness/excerpt"
)

// A SyntaxError is a mistake in a configuration that keeps it from being read.
type SyntaxError struct {
	Line, Column int   // from 1; a column is a byte
	Err          error // what the decoder said
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %v", e.Line, e.Column, e.Err) }

func (e *SyntaxError) Unwrap() error { return e.Err }

// locateError says where in a text it was that decoding it failed, in words for who
// has written it.
func locateError(text []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var offset int64
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		offset, err = int64(len(text)), errors.New("the list is incomplete: want a list of proxies, [{\"name\": ..., \"upstream\": ...}]")
	case errors.As(err, &syntax):
		offset = max(syntax.Offset-1, 0)
	case errors.As(err, &kind):
		offset = max(kind.Offset-1, 0)
		switch kind.Field {
		case "":
			err = fmt.Errorf("want a list of proxies, got %s", withArticle(kind.Value))
		default:
			err = fmt.Errorf("%s cannot be %s", kind.Field, withArticle(kind.Value))
		}
	default:
		return badBody(err)
	}
	return syntaxError(text, int(offset), err)
}

// locateFailure says where in a list of proxies the one is that cannot be made.
func locateFailure(text []byte, err error) error {
	var f *failure
	if !errors.As(err, &f) || f.proxy == 0 {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	_, _ = decoder.Token() // the list was decoded before
	var one json.RawMessage
	for range f.proxy {
		if decoder.Decode(&one) != nil {
			return err
		}
	}
	var named struct{ Name string }
	if f.Status == http.StatusInternalServerError && json.Unmarshal(one, &named) == nil { // nothing in the text is wrong
		err = fmt.Errorf("proxy %s: %w", excerpt.Quote(named.Name), err)
	}
	start := int(decoder.InputOffset()) - len(one)
	if at := bytes.Index(bytes.ToLower(one), []byte(`"`+strings.ToLower(f.field)+`"`)); f.field != "" && at >= 0 {
		start += at
	}
	return syntaxError(text, start, err)
}

func syntaxError(text []byte, offset int, err error) error {
	before := text[:min(offset, len(text))]
	return &SyntaxError{Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'), Err: err}
}

func withArticle(kind string) string {
	switch kind {
	case "array", "object":
		return "an " + kind
	}
	return "a " + kind
}
