package schema

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/strictyaml"
	"github.com/sockharness/harness/harness/waiver"
)

const root = "../.."

// compile returns the schema of a kind, ready to validate.
func compile(t testing.TB, kind string) *validator.Schema {
	t.Helper()
	text, err := Marshal(kind)
	if err != nil {
		t.Fatal(err)
	}
	document, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := validator.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance is a node as a JSON validator sees it.
func instance(n *strictyaml.Node) any {
	switch n.Kind() {
	case strictyaml.Text:
		return n.Text()
	case strictyaml.Truth:
		return strings.EqualFold(n.Text(), "true")
	case strictyaml.Number:
		if v, err := strconv.ParseInt(n.Text(), 0, 64); err == nil {
			return json.Number(strconv.FormatInt(v, 10))
		}
		if v, err := strconv.ParseFloat(n.Text(), 64); err == nil && v-v == 0 {
			return json.Number(strconv.FormatFloat(v, 'g', -1, 64))
		}
		return n.Text()
	case strictyaml.List:
		all := []any{}
		for _, item := range n.Items() {
			all = append(all, instance(item))
		}
		return all
	case strictyaml.Map:
		all := map[string]any{}
		for _, key := range n.Keys() {
			all[key.Text()] = instance(n.GetKey(key.Text()))
		}
		return all
	}
	return nil
}

// shippedFiles returns the YAML files of the checkout that are ours, by kind.
func shippedFiles(t testing.TB) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "invalid" || e.Name() == "node_modules" || strings.HasPrefix(e.Name(), ".") && e.Name() != "..") {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if kind := scenariofile.KindOf(scenariofile.Source{File: path, Text: text}); kind != "" {
				found[kind] = append(found[kind], path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestShippedFilesAreValid(t *testing.T) {
	all := compile(t, All)
	found := shippedFiles(t)
	for _, kind := range Kinds() {
		if len(found[kind]) == 0 {
			t.Errorf("no file of kind %s is shipped", kind)
		}
		own := compile(t, kind)
		for _, path := range found[kind] {
			n, err := strictyaml.LoadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := own.Validate(instance(n)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if err := all.Validate(instance(n)); err != nil {
				t.Errorf("%s, schema of all files: %v", path, err)
			}
		}
	}
}

// read has the reader of the kind read a text.
func read(kind, file string, text []byte) error {
	var err error
	switch kind {
	case "config":
		_, err = scenario.ParseConfig(file, text, os.ReadFile)
	case "dialogue":
		_, err = dialogue.Parse(file, text)
	case "waivers":
		_, err = waiver.ParseText(file, text)
	default:
		_, err = scenariofile.ParseAll([]scenariofile.Source{{File: file, Text: text}})
	}
	return err
}

// What the schema refuses, the reader refuses: in the files that are wrong on purpose,
// and in each shipped file with each of its values changed.
func TestRefusalsAreTheReaders(t *testing.T) {
	own := compile(t, "scenario")
	paths, err := filepath.Glob(root + "/fixtures/files/invalid/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	refused := 0
	for _, path := range paths {
		n, err := strictyaml.LoadFile(path)
		if err != nil || own.Validate(instance(n)) == nil {
			continue
		}
		refused++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if read("scenario", path, text) == nil {
			t.Errorf("%s: the schema refuses it, the reader does not", path)
		}
	}
	if refused < 25 {
		t.Errorf("the schema refuses %d of %d invalid files, want 25: it says too little", refused, len(paths))
	}
	t.Logf("the schema refuses %d of %d invalid files", refused, len(paths))
}

func TestChangedFiles(t *testing.T) {
	for _, kind := range Kinds() {
		own := compile(t, kind)
		changed, refused := 0, 0
		for i, path := range shippedFiles(t)[kind] {
			if info, err := os.Stat(path); err != nil || info.Size() > 2000 || kind == "dialogue" && i%8 > 0 {
				continue // the large ones repeat themselves, and dialogues are much alike
			}
			n, err := strictyaml.LoadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range variations(instance(n)) {
				if i%61 > 0 {
					continue // one of 61 keeps the test cheap
				}
				changed++
				text, err := json.Marshal(v) // JSON is YAML
				if err != nil {
					t.Fatal(err)
				}
				there, err := strictyaml.ParseText(path, text)
				if err != nil {
					continue
				}
				if problem := own.Validate(instance(there)); problem != nil {
					refused++
					if read(kind, path, text) == nil {
						t.Fatalf("%s: the reader takes\n%s\nthe schema does not: %v", path, text, problem)
					}
				}
			}
		}
		t.Logf("%s: %d of %d changed files refused", kind, refused, changed)
		if refused*4 < changed {
			t.Errorf("%s: %d of %d changed files refused, want a quarter at least: the schema says too little", kind, refused, changed)
		}
	}
}

// variations returns copies of v, each with one value replaced, or one key taken away or
// added.
func variations(v any) []any {
	var all []any
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			all = append(all, with(v, key, nil, true), with(v, key+"x", value, false))
			for _, other := range variations(value) {
				all = append(all, with(v, key, other, false))
			}
		}
	case []any:
		for i, value := range v {
			if i > 5 {
				break // the rest is alike
			}
			for _, other := range variations(value) {
				copied := append([]any{}, v...)
				copied[i] = other
				all = append(all, copied)
			}
		}
	}
	return append(all, nil, "", "word", "eof", "every", "1s", "yes", -1, 0, 1, 1.5, 1e12, true, []any{}, []any{"a"}, map[string]any{}, map[string]any{"hex": "00"}, map[string]any{"any": true})
}

func with(m map[string]any, key string, value any, without bool) map[string]any {
	copied := map[string]any{}
	for k, v := range m {
		copied[k] = v
	}
	if copied[key] = value; without {
		delete(copied, key)
	}
	return copied
}

func TestUnknownKind(t *testing.T) {
	if _, err := Marshal("toxics"); err == nil || !strings.Contains(err.Error(), "want config, dialogue, scenario, waivers, all or result") {
		t.Errorf("got %v", err)
	}
}
