package strictyaml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An Error is one thing that is wrong with a file.
type Error struct {
	File    string // name of the file
	Line    int    // from 1; 0: the file as a whole
	Column  int    // from 1, in characters
	Message string // what is wrong
	Hint    string // what to do; may be empty
}

// Error returns "file:line:column: what is wrong, what to do".
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": " + e.Message)
	if e.Hint != "" {
		b.WriteString(", " + e.Hint)
	}
	return b.String()
}

// Errors is all that is wrong with one or more files, in order of file and
// place. It is never empty where it is returned as an error.
type Errors []Error

// Error returns the errors, one per line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets [errors.As] find a single [Error].
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// JoinErrors collects what is wrong with several files. It returns nil if every err
// is nil. An error that is not of this package is kept as one without a place.
func JoinErrors(errs ...error) error {
	var all Errors
	for _, err := range errs {
		all = append(all, flattenErrors(err)...)
	}
	return all.sortedErrors()
}

func flattenErrors(err error) Errors {
	var many Errors
	var one Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		return many
	case errors.As(err, &one):
		return Errors{one}
	}
	return Errors{{File: "error", Message: err.Error()}}
}

// sortedErrors returns e in order and without repetitions, nil if there are none.
func (e Errors) sortedErrors() error {
	if len(e) == 0 {
		return nil
	}
	all := slices.Clone(e)
	slices.SortStableFunc(all, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(all)
}
