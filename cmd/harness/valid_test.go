package main

import (
	"bytes"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sockharness/harness/harness/schema"
)

// resultSchema is that of results, ready to validate.
var resultSchema = sync.OnceValues(func() (*validator.Schema, error) {
	text, err := schema.Marshal(schema.Result)
	if err != nil {
		return nil, err
	}
	document, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := validator.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("schema.json")
})

// valid FILE… checks that results are what their schema says.
func valid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: valid FILE…")
	}
	s, err := resultSchema()
	ts.Check(err)
	for _, file := range args {
		document, err := validator.UnmarshalJSON(bytes.NewReader([]byte(ts.ReadFile(file))))
		ts.Check(err)
		if err := s.Validate(document); err != nil {
			ts.Fatalf("%s: %v", file, err)
		}
	}
}
