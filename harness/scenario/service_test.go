package scenario

import (
	"strings"
	"testing"
)

func TestServices(t *testing.T) {
	text := `
version: 1
targets:
  - name: shop
    services:
      - {name: db, command: [redis-server, --port, "{port}"]}
      - {name: cache, command: "memo {path} {db.addr}", env: {DB: "{db.port}"}, ready: {log: ready}}
    server: {command: [shop, "{port}", "{db.port}", "{cache.path}"]}
    client: {dialogue: greet.yaml}
`
	c, err := ParseConfig("conf/harness.yaml", []byte(text), files)
	if err != nil {
		t.Fatal(err)
	}
	all := c.Targets[0].Services
	if len(all) != 2 || all[1].ServerCommand("x").Network != "unix" || all[0].ServerCommand("x").Network != "" || len(all[1].Command) != 3 {
		t.Errorf("got %+v", all)
	}
	for bad, want := range map[string]string{
		`[{name: db, command: [a, "{cache.port}"]}]`:           "service db has {cache.port}, and no service cache is started before it",
		`[{name: Db, command: [a]}]`:                           "cannot be the name of a service",
		`[{name: db, command: [a]}, {name: db, command: [b]}]`: "defined twice",
		`[{name: db, command: []}]`:                            "empty command",
		`[{name: db}]`:                                         "command",
		`[{name: db, comand: [a]}]`:                            "did you mean",
		`[{name: x, command: [a, "{x.port}"]}]`:                "no service x is started before it",
		`[{name: y, command: ["a"]}]`:                          "the server's command has {db.port}, and no service db",
	} {
		text := "version: 1\ntargets:\n  - name: shop\n    services: " + bad + "\n    server: {command: [shop, \"{port}\", \"{db.port}\"]}\n    client: {dialogue: greet.yaml}\n"
		if _, err := ParseConfig("conf/harness.yaml", []byte(text), files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", bad, err, want)
		}
	}
}
