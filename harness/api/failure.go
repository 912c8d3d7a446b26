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
	field   string // that is wrong, "" unless it is one
	proxy   int    // of a list, from 1; 0: none
}

func (f *failure) Error() string { return f.Message }

var (
	errProxyNotFound = &failure{Message: "proxy not found", Status: http.StatusNotFound}
	errProxyExists   = &failure{Message: "proxy already exists", Status: http.StatusConflict}
	errToxicNotFound = &failure{Message: "toxic not found", Status: http.StatusNotFound}
	errToxicExists   = &failure{Message: "toxic already exists", Status: http.StatusConflict}
	errToxicType     = &failure{Message: "invalid toxic type", Status: http.StatusBadRequest}
	errStream        = &failure{Message: "stream was invalid, can be either upstream or downstream", Status: http.StatusBadRequest}
	errShutDown      = &failure{Message: "daemon is shutting down", Status: http.StatusServiceUnavailable}
)

func missingField(field string) error {
	return &failure{Message: "missing required field: " + field, Status: http.StatusBadRequest}
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
	return &failure{Message: "bad request body: " + text, Status: http.StatusBadRequest}
}

// fieldFailure says what is wrong with one field of a request.
func fieldFailure(field, format string, args ...any) error {
	f := asFailure(badBodyf(format, args...))
	f.field = field
	return f
}

func badBodyf(format string, args ...any) error { return badBody(fmt.Errorf(format, args...)) }

// asFailure returns the failure that err is; what has no status is 500.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return &failure{Message: err.Error(), Status: http.StatusInternalServerError}
}

// writeFailure answers as Toxiproxy does: JSON that is called text.
func writeFailure(w http.ResponseWriter, err error) {
	f := asFailure(err)
	text, _ := json.Marshal(f) // of two plain fields: it cannot fail
	http.Error(w, string(text), f.Status)
}
