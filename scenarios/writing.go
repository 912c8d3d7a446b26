package scenarios

import _ "embed"

//go:embed WRITING.md
var writing string

// Writing returns the page that teaches how to write scenario files.
func Writing() string { return writing }
