package authorcmd

// The files that init writes, as text/template of an answer.
const (
	configPage = `# What harness tests. See: harness help run
version: 1
targets:
  - name: {{if .Server}}server{{else}}client{{end}}
{{- if .Server}}
    server: {command: {{words .Server}}}
{{- else}}
    server: {dialogue: dialogues/first.yaml}    # harness is this side
{{- end}}
{{- if .Client}}
    client: {command: {{words .Client}}}
{{- else}}
    client: {dialogue: dialogues/first.yaml}    # harness is this side
{{- end}}
    # Declare here what your program does on purpose, such as
    # policies: {half_close: answer, pipelining: true}
    # TLS: write "{cert}" and "{key}" into a server's command, "{ca}" into a client's; or
    # tls: {ca: ca.pem, name: localhost}
`
	dialoguePage = `# One conversation without any fault: replace it by one of your protocol.
dialogue: first
framing: line                  # or length-prefix: {bytes: 4}, fixed: 64, http, resp, netstring, mqtt, until-eof, none
exchanges:
  - send: {{bytes .Send}}
{{- if .Expect}}
    expect: {{bytes .Expect}}
{{- else if .Client}}
    expect: "HELLO\n"
{{- else}}
    expect: {any: true}        # any line
{{- end}}
`
	scenarioPage = `# A rule of your protocol. See: harness help scenario-files
scenario: first/two-pieces
title: A request that comes in two pieces is one request
steps:
  - client: { send: {{bytes (head .Send)}} }
  - boundary                    # the server has read that much
{{- with tail .Send}}
  - client: { send: {{bytes .}} }
{{- end}}
  - client: { expect: {{if .Expect}}{{bytes .Expect}}{{else}}{any: true}{{end}}, within: 2s }
  - check: { alive: true }
`
	clientPage = `# A rule of your client: here harness is the server. See: harness help scenario-files
scenario: first/cut-reply
title: A client that gets no reply exits
role: client
steps:
  - server: accept
  - server: close
  - check: { alive: false, within: 10s }
`
	bothPage = `# A rule of both programs. See: harness help scenario-files
scenario: first/any-split
title: The conversation works wherever the stream is split
role: both
sweep: { split: every }
`
	githubPage = `name: harness
on: [push, pull_request]
jobs:
  harness:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-go@v5
        with: { go-version: stable }
      - run: go install github.com/sockharness/harness/cmd/harness@latest
      - run: harness lint
      - run: harness run builtin: scenarios/ --junit harness.xml
`
	gitlabPage = `harness:
  image: golang:latest
  script:
    - go install github.com/sockharness/harness/cmd/harness@latest
    - harness lint
    - harness run builtin: scenarios/ --junit harness.xml
  artifacts:
    reports: { junit: harness.xml }
`
)
