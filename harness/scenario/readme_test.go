package scenario

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/dialogue"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// readmeYAML returns every block of YAML in the README.
func readmeYAML(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatalf("README: %v", err)
	}
	var blocks []string
	for _, m := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatal("the README has no YAML")
	}
	return blocks
}

func TestReadmeYAMLIsRead(t *testing.T) {
	kv := "{dialogue: kv, framing: line, exchanges: [{send: \"a\\n\"}]}"
	read := func(string) ([]byte, error) { return []byte(kv), nil }
	known := 0
	for _, block := range readmeYAML(t) {
		switch {
		case strings.Contains(block, "targets:"):
			known++
			if _, err := ParseConfig("harness.yaml", []byte(block), read); err != nil {
				t.Errorf("configuration: %v\n%s", err, block)
			}
		case strings.Contains(block, "exchanges:"):
			known++
			if _, err := dialogue.Parse("kv.yaml", []byte(block)); err != nil {
				t.Errorf("dialogue: %v\n%s", err, block)
			}
		case !strings.Contains(block, "scenario:"): // those files have a reader of their own
			t.Errorf("nothing reads this:\n%s", block)
		}
	}
	if known < 2 {
		t.Errorf("got %d configurations and dialogues, want one of each", known)
	}
}

func TestReadmeFramingsAreRead(t *testing.T) {
	listed := regexp.MustCompile(`(?m)^framing:[^#\n]*# (.*)$`).FindStringSubmatch(strings.Join(readmeYAML(t), ""))
	if listed == nil {
		t.Fatal("the README does not list the framings")
	}
	for framing := range strings.SplitSeq(listed[1], " | ") {
		text := "dialogue: d\nframing: " + framing + "\nexchanges: [{send: {message: \"" + strings.Repeat("x", 64) + "\"}}]\n"
		if _, err := dialogue.Parse("d.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", framing, err)
		}
	}
}

func TestReadmePoliciesAreRead(t *testing.T) {
	text, err := os.ReadFile("POLICIES.md")
	if err != nil {
		t.Fatalf("policies: %v", err)
	}
	_, table, _ := strings.Cut(string(text), "| policy |")
	table, _, _ = strings.Cut(table, "\n\n")
	found := 0
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+): (.*?)` \\|").FindAllStringSubmatch(table, -1) {
		for value := range strings.SplitSeq(row[2], ` \| `) {
			found++
			if _, err := (Policies{}).With(row[1] + ": " + value); err != nil {
				t.Errorf("%s: %v", row[0], err)
			}
		}
	}
	if found < 13 {
		t.Errorf("got %d values of policies, want 13 and more", found)
	}
}
