package daemoncmd

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The page for those who come from Toxiproxy names every flag of serve.
func TestPageNamesTheFlags(t *testing.T) {
	text, err := os.ReadFile("../../../../harness/api/README.md")
	if err != nil {
		t.Fatal(err)
	}
	newServe().Flags().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(string(text), "`--"+f.Name+"`") {
			t.Errorf("harness/api/README.md does not name --%s", f.Name)
		}
	})
}
