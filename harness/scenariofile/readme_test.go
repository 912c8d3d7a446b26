package scenariofile

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The scenarios that the README shows are such as the parser takes.
func TestReadmeScenariosAreRead(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatalf("README: %v", err)
	}
	found := 0
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(m[1], "scenario:") {
			continue
		}
		found++
		if _, err := ParseFile("second-hello.yaml", []byte(m[1])); err != nil {
			t.Errorf("%v\n%s", err, m[1])
		}
	}
	if found == 0 {
		t.Error("the README shows no scenario, want one")
	}
}
