package scenariofile

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
)

// idPattern is what a scenario may be called: topic/name, or name alone.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)

// ParseFile reads the scenarios of one file. The error is of type [strictyaml.Errors] and
// names everything that is wrong, each at its place.
func ParseFile(file string, text []byte) ([]*Definition, error) {
	return parseDocument(Source{File: file, Text: text}).decode()
}

// decodeScenario reads one scenario, and returns it if nothing is wrong with it.
func decodeScenario(dec *strictyaml.Decoder, n *strictyaml.Node) *Definition {
	before := dec.ErrorCount()
	d := &Definition{Role: scenario.Server, Level: outcome.Must, Node: n}
	role := scenario.Server
	if r := n.GetKey("role"); r != nil && r.Text() == string(scenario.Client) {
		role = scenario.Client
	}
	if r := n.GetKey("role"); r != nil && r.Text() == string(scenario.Both) {
		role = scenario.Both
	}
	transport := n.GetKey("transport")
	reader := stepReader{Reader: dialogue.Reader{Decoder: dec, Folder: filepath.Dir(n.File())}, role: role,
		datagrams: transport != nil && transport.Text() == string(UDP)}
	strictyaml.BindFields(dec, n, d, map[string]func(*strictyaml.Node){
		"scenario": func(n *strictyaml.Node) { d.ID = readName(dec, n) },
		"steps":    func(n *strictyaml.Node) { d.Steps = reader.readSteps(n) },
		"faults": func(n *strictyaml.Node) {
			dec.EachItem(n, func(n *strictyaml.Node) { d.Faults = append(d.Faults, reader.readFault(n)) })
		},
	})
	if dec.ErrorCount() == before {
		checkDefinition(dec, d)
	}
	if dec.ErrorCount() > before {
		return nil
	}
	return d
}

// readName reads the name of a scenario. One without a topic gets that of its folder.
func readName(dec *strictyaml.Decoder, n *strictyaml.Node) string {
	id := dec.NonEmptyString(n)
	if id != "" && !idPattern.MatchString(id) {
		dec.ReportError(n, fmt.Sprintf("%q is not a name", id), "write topic/name, with letters, digits, dots, dashes and underscores")
		return ""
	}
	if id != "" && !strings.Contains(id, "/") {
		return topicOf(n.File()) + "/" + id
	}
	return id
}

var notWord = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// topicOf names the topic of a file's scenarios after its folder.
func topicOf(file string) string {
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return "scenarios"
	}
	word := strings.Trim(notWord.ReplaceAllString(filepath.Base(folder), "-"), "-._")
	if word == "" {
		return "scenarios"
	}
	return word
}
