package schema

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/strictyaml"
)

// What the reader refuses and no schema can tell: an order, a sum, another file.
var beyondSchema = map[string]string{
	"after-shutdown.yaml":   "a send after the end of its direction",
	"capture-early.yaml":    "a capture is used before it is made",
	"capture-group.yaml":    "the expression has no such group",
	"capture-no-regex.yaml": "the bytes have no groups",
	"capture-unknown.yaml":  "a capture is never made",
	"file-missing.yaml":     "another file",
	"keys-twice.yaml":       "JSON knows no key twice",
	"toxic-twice.yaml":      "two faults have one name",
	"twice.yaml":            "two scenarios have one name",
	"unreachable.yaml":      "a step after the end of the connection",
	"vacuous-failures.yaml": "only failures are expected",
	"vacuous.yaml":          "nothing is expected",
	"zero-bytes.yaml":       "a sum of sizes",
}

// What the reader refuses in the corpus, the schema refuses, but for the files of the list.
func TestSchemaRefusesWhatTheReaderRefuses(t *testing.T) {
	own := compile(t, "scenario")
	paths, err := filepath.Glob(root + "/fixtures/files/invalid/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		n, err := strictyaml.LoadFile(path)
		if err != nil {
			continue // no YAML, or none of ours: nothing for a schema
		}
		refused := own.Validate(instance(n)) != nil
		if why, known := beyondSchema[filepath.Base(path)]; known == refused {
			t.Errorf("%s: the schema refuses it: %v; the list says %q", filepath.Base(path), refused, why)
		}
	}
}

// In one file each: what is written for bytes that are sent or expected.
func TestBytesAreTakenByBothOrNeither(t *testing.T) {
	for _, kind := range []string{"scenario", "dialogue"} {
		own := compile(t, kind)
		for _, value := range []string{`"a\n"`, `{text: eof}`, `{hex: "00"}`, `{u16: 5}`, `{u16: 70000}`, `{any: true}`, `{any: false}`, `{regex: "^a"}`, `{regex: "["}`, `{one_of: [A, B]}`,
			`{one_of: [A]}`, `["a", {hex: "00"}]`, `["a", {any: true}]`, `[]`, `{repeat: "x", times: 3}`, `{repeat: "x", times: 0}`, `{random: 4KiB}`, `{random: x}`, `{message: "a"}`, `{message: {any: true}}`,
			`{command: [GET, a]}`, `{command: []}`, `{base64: "!"}`, `{hex: "0"}`, `{u8: 5, u16: 6}`, `{}`, `5`, `true`, `eof`, `silence`, `~`} {
			for _, place := range []string{"send: V, expect: \"x\\n\"", "send: \"x\\n\", expect: V"} {
				text := "scenario: a/b\nsteps:\n  - client: {" + place + "}\n"
				if kind == "dialogue" {
					text = "dialogue: a\nframing: none\nexchanges:\n  - {" + place + "}\n"
				}
				text = strings.ReplaceAll(text, "V", value)
				n, err := strictyaml.ParseText("a.yaml", []byte(text))
				if err != nil {
					t.Errorf("%s: %v", text, err)
					continue
				}
				if kind == "dialogue" && (strings.Contains(value, "any") || strings.Contains(value, "command")) {
					continue // the framing tells whether that means something
				}
				read, schema := read(kind, "a.yaml", []byte(text)), own.Validate(instance(n))
				if (read == nil) != (schema == nil) && value != `{regex: "["}` { // which expressions compile no schema knows
					t.Errorf("%s\nthe reader says %v, the schema %v", text, read, schema)
				}
			}
		}
	}
}
