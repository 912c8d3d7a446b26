package scenario_test

import (
	"fmt"
	"os"

	"github.com/sockharness/harness/harness/scenario"
)

// A configuration names targets. The files that it names are read by the caller.
func ExampleParseConfig() {
	config, err := scenario.ParseConfig("harness.yaml", []byte(`
version: 1
targets:
  - name: kv
    server: {command: [python3, server.py, "{port}"]}
    client: {dialogue: kv.yaml}
    test: server
`), func(string) ([]byte, error) {
		return []byte("dialogue: kv\nframing: line\nexchanges:\n  - send: \"GET a\\n\"\n    expect: \"1\\n\"\n"), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	target := config.Targets[0]
	fmt.Println(target.Name, target.Server.Command)
	// Output: kv [python3 server.py {port}]
}

// An error has its place in the file, and says what to do.
func ExampleParseConfig_error() {
	_, err := scenario.ParseConfig("harness.yaml", []byte(`version: 1
targets:
  - name: kv
    server: {comand: [./server]}
    client: {address: "127.0.0.1:7000"}
    test: server
`), os.ReadFile)
	fmt.Println(err)
	// Output:
	// harness.yaml:4:13: the server is described 0 times, give exactly one of command, address, dialogue
	// harness.yaml:4:14: unknown key "comand", did you mean "command"?
}
