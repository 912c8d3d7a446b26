package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// A failure is what the API answers instead of a result.
type failure struct {
	Message string `json:"error"`
	Status  int    `json:"status"`
}

func (f *failure) Error() string { return f.Message }

var (
	errProxyNotFound = &failure{"proxy not found", http.StatusNotFound}
	errProxyExists   = &failure{"proxy already exists", http.StatusConflict}
	errToxicNotFound = &failure{"toxic not found", http.StatusNotFound}
	errToxicExists   = &failure{"toxic already exists", http.StatusConflict}
	errToxicType     = &failure{"invalid toxic type", http.StatusBadRequest}
	errStream        = &failure{"stream was invalid, can be either upstream or downstream", http.StatusBadRequest}
	errShutDown      = &failure{"daemon is shutting down", http.StatusServiceUnavailable}
)

func missing(field string) error {
	return &failure{"missing required field: " + field, http.StatusBadRequest}
}

// badBody says what is wrong with a request, on one line.
func badBody(err error) error {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		switch name := kind.Field[strings.LastIndexByte(kind.Field, '.')+1:]; kind.Type.Kind() {
		case reflect.Int64:
			text = fmt.Sprintf("%s must be a whole number, got %s", name, kind.Value)
		case reflect.Uint64:
			text = fmt.Sprintf("%s must be a whole number from 0, got %s", name, kind.Value)
		}
	}
	return &failure{"bad request body: " + text, http.StatusBadRequest}
}

func badBodyf(format string, args ...any) error { return badBody(fmt.Errorf(format, args...)) }

// asFailure returns the failure that err is; what has no status is 500.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return &failure{err.Error(), http.StatusInternalServerError}
}

// writeFailure answers as Toxiproxy does: JSON that is called text.
func writeFailure(w http.ResponseWriter, err error) {
	f := asFailure(err)
	text, _ := json.Marshal(f) // of two plain fields: it cannot fail
	http.Error(w, string(text), f.Status)
}
