package scenario

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/strictyaml"
)

const greeting = "dialogue: greet\nframing: line\nexchanges:\n  - send: \"hello\\n\"\n    expect: \"HELLO\\n\"\n"

func files(path string) ([]byte, error) {
	if path == "conf/greet.yaml" {
		return []byte(greeting), nil
	}
	return nil, os.ErrNotExist
}

func TestConfig(t *testing.T) {
	text := `
version: 1
targets:
  - name: kv
    server: {command: [python3, server.py, "{port}"], env: {DEBUG: "1"}, ready: {log: "listening"}}
    client: {dialogue: greet.yaml}
    test: server
    policies: {half_close: answer, pipelining: false, answer_timeout: 3s, retries: 4, truncated: ignored}
    state: shared
  - name: fetcher
    server: {dialogue: greet.yaml}
    client: {command: "node fetch.mjs 'http://{addr}/a b'"}
    test: client
`
	c, err := ParseConfig("conf/harness.yaml", []byte(text), files)
	if err != nil {
		t.Fatal(err)
	}
	kv, fetcher := c.Targets[0], c.Targets[1]
	off := false
	want := Policies{HalfClose: HalfCloseAnswers, Pipelining: &off, AnswerTimeout: 3 * time.Second, Retries: 4, Truncated: TruncationIgnored}
	if diff := cmp.Diff(want, kv.Policies); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if kv.Server.Env[0] != "DEBUG=1" || kv.Server.Ready.Log != "listening" || kv.Dir != "conf" || kv.State != StateShared {
		t.Errorf("got server %+v in %q", kv.Server, kv.Dir)
	}
	if diff := cmp.Diff([]string{"node", "fetch.mjs", "http://{addr}/a b"}, fetcher.Client.Command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
}

// Every error of a file is told at once, with its place.
func TestConfigErrors(t *testing.T) {
	text := `version: 2
targets:
  - name: kv
    server: {comand: [a]}
    client: {dialogue: missing.yaml}
    test: srever
  - name: kv
    server: {dialogue: greet.yaml}
    client: {address: "127.0.0.1:1"}
    test: client
  - name: both
    server: {dialogue: greet.yaml}
    client: {dialogue: greet.yaml}
    test: server
    policies: {half_close: perhaps, answer_timeout: soon}
    state: proces
`
	_, err := ParseConfig("conf/harness.yaml", []byte(text), files)
	var all strictyaml.Errors
	if !errors.As(err, &all) {
		t.Fatalf("got %v, want document.Errors", err)
	}
	for _, want := range []string{
		"conf/harness.yaml:1:10: ", `unknown key "comand", did you mean "command"?`, "conf/harness.yaml:4:13: the server is described 0 times",
		"missing.yaml cannot be read", `"srever" is not allowed here`, `target "kv" is defined twice`,
		"a client cannot be an address, because it connects; give a command or a dialogue", `"perhaps" is not allowed here`, "conf/harness.yaml:15:",
		`"proces" is not allowed here, did you mean "process"?`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got\n%v\nwant it to contain %q", err, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("version: 1\ntargets:\n  - name: kv\n    server: {address: 127.0.0.1:1}\n    client: {dialogue: greet.yaml}\n    test: server\n"))
	f.Add([]byte("targets: [{name: [], server: 1, client: {command: \"'\"}, test: {}}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig("conf/harness.yaml", text, files)
		if err == nil && len(c.Targets) == 0 {
			t.Error("got no targets and no error")
		}
	})
}

// Without a word, what is no dialogue is tested, as with flags.
func TestConfigTestsPrograms(t *testing.T) {
	text := `
version: 1
targets:
  - {name: server, server: {address: 127.0.0.1:1}, client: {dialogue: greet.yaml}}
  - {name: client, server: {dialogue: greet.yaml}, client: {command: [a]}}
  - {name: both, server: {command: [a]}, client: {command: [b]}}
`
	c, err := ParseConfig("conf/harness.yaml", []byte(text), files)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range c.Targets {
		if string(target.Test) != target.Name {
			t.Errorf("%s: tests %q", target.Name, target.Test)
		}
	}
	nobody := "version: 1\ntargets: [{name: a, server: {dialogue: greet.yaml}, client: {dialogue: greet.yaml}}]\n"
	if _, err := ParseConfig("conf/harness.yaml", []byte(nobody), files); err == nil || !strings.Contains(err.Error(), "conf/harness.yaml:2:") {
		t.Errorf("two dialogues: %v", err)
	}
}

// One word is enough for a peer where it can mean one thing only.
func TestConfigShortForms(t *testing.T) {
	text := `
version: 1
targets:
  - {name: text, server: "python3 s.py '{port} x'", dialogue: greet.yaml}
  - {name: list, server: [python3, s.py], client: greet.yaml}
  - {name: address, server: "localhost:80", dialogue: greet.yaml}
  - {name: unix, server: "unix:/tmp/s", dialogue: greet.yaml}
  - {name: client, client: a {port}, dialogue: greet.yaml}
  - {name: plain, server: "./serve.yaml.sh", dialogue: greet.yaml}
`
	c, err := ParseConfig("conf/harness.yaml", []byte(text), files)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range c.Targets {
		got = append(got, fmt.Sprintf("%s %s: %q %s %v, %q %v", p.Name, p.Test, p.Server.Command, p.Server.Address, p.Server.Dialogue != nil, p.Client.Command, p.Client.Dialogue != nil))
	}
	want := []string{
		`text server: ["python3" "s.py" "{port} x"]  false, [] true`,
		`list server: ["python3" "s.py"]  false, [] true`,
		`address server: [] localhost:80 false, [] true`,
		`unix server: [] unix:/tmp/s false, [] true`,
		`client client: []  true, ["a" "{port}"] false`,
		`plain server: ["./serve.yaml.sh"]  false, [] true`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, wrong := range []string{"{name: a, dialogue: greet.yaml}", "{name: a, server: b, client: c, dialogue: greet.yaml}"} {
		if _, err := ParseConfig("h.yaml", []byte("version: 1\ntargets: ["+wrong+"]\n"), files); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
}

func TestListen(t *testing.T) {
	read := func(string) ([]byte, error) {
		return []byte("dialogue: d\nexchanges: [{send: a, expect: b}]\n"), nil
	}
	for server, want := range map[string]string{
		`{dialogue: d.yaml, listen: "::1"}`:     "",
		`{dialogue: d.yaml, listen: 10.0.0.1}`:  "no loopback address",
		`{dialogue: d.yaml, listen: localhost}`: "no loopback address",
	} {
		c, err := ParseConfig("h.yaml", []byte("version: 1\ntargets:\n  - name: t\n    server: "+server+"\n    client: {command: [c, \"{port}\"]}\n"), read)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", server, err, want)
		}
		if err == nil && c.Targets[0].Server.Listen != "::1" {
			t.Errorf("%s: got %+v", server, c.Targets[0].Server)
		}
	}
}

// network is the old word for transport.
func TestNetworkIsTransport(t *testing.T) {
	c, err := ParseConfig("h.yaml", []byte("version: 1\ntargets:\n  - name: t\n    server: {command: [s, \"{port}\"], network: udp}\n"), nil)
	if err != nil || c.Targets[0].Transport() != UDP || len(c.Hints) != 1 || !strings.Contains(c.Hints[0].Error(), "write transport: udp") {
		t.Errorf("got %+v, %v", c, err)
	}
}
