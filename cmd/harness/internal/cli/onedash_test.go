package cli

import (
	"strings"
	"testing"
)

func TestNormalizeToxiproxyArgs(t *testing.T) {
	for given, want := range map[string]string{
		"toxic add -t latency -a latency=5 --tox 0.5 -n a p":    "toxic add -t latency -a latency=5 --toxicity 0.5 -n a p",
		"t a -type latency -attribute latency=5 -toxicName c p": "t a --type latency --attribute latency=5 --toxicName c p",
		"toxic add -toxicity=0.5 -upstream p":                   "toxic add --toxicity=0.5 --upstream p",
		"create -listen 127.0.0.1:0 -upstream 127.0.0.1:1 q":    "create --listen 127.0.0.1:0 --upstream 127.0.0.1:1 q",
		"-h http://127.0.0.1:1 create -l 127.0.0.1:0 -u b:1 r":  "--host http://127.0.0.1:1 create -l 127.0.0.1:0 -u b:1 r",
		"--host http://127.0.0.1:1 create -l a:0 r":             "--host http://127.0.0.1:1 create -l a:0 r",
		"-version":      "--version",
		"create -h":     "create -h",
		"-h":            "-h",
		"run -type x":   "run -type x",
		"-host=0.0.0.0": "serve -host=0.0.0.0",
		"-host=0.0.0.0 -config=/tmp/tc-toxiproxy.json":                  "serve -host=0.0.0.0 -config=/tmp/tc-toxiproxy.json",
		"-host 0.0.0.0 -port 8474 -proxy-metrics -runtime-metrics=true": "serve -host 0.0.0.0 -port 8474 -proxy-metrics -runtime-metrics=true",
		"--port=1 list":                  "--port=1 list",
		"-host http://x:1":               "-host http://x:1",
		"-host":                          "-host",
		"toxic add -u -d -a x=-listen p": "toxic add -u -d -a x=-listen p",
		"toxic add -- -type":             "toxic add -- -type",
	} {
		if got := strings.Join(NormalizeToxiproxyArgs(strings.Fields(given)), " "); got != want {
			t.Errorf("%s\n got %s\nwant %s", given, got, want)
		}
	}
}
