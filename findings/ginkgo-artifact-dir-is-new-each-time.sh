#!/usr/bin/env bash
# Ginkgo: GinkgoTB().ArtifactDir() is another folder at each call, and not where -artifacts puts them.
# Version: github.com/onsi/ginkgo/v2 v2.34.0, Go 1.26
# Behaviour: testing.T.ArtifactDir, new in Go 1.26, gives a test one folder: below -outputdir with -artifacts, where
# the run keeps it. Ginkgo's implementation of the same interface makes a new folder below /tmp at each call, with
# and without -artifacts, and removes none. Whoever writes two files into "the" folder finds them in two, and a CI
# that collects -outputdir collects nothing.
# Seen: testing: same folder true, below -outputdir true
#       ginkgo: same folder false, below -outputdir false, left behind 2
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export TMPDIR=$dir/tmp
mkdir tmp out
cat >go.mod <<'MOD'
module example.com/artifacts

go 1.26
MOD
cat >a_test.go <<'GO'
package artifacts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"
)

func look(tb interface{ ArtifactDir() string }, who string) {
	one, two := tb.ArtifactDir(), tb.ArtifactDir()
	text := who + ": same folder "
	for _, is := range []bool{one == two, strings.HasPrefix(one, os.Getenv("OUT"))} {
		text += map[bool]string{true: "true", false: "false"}[is] + ", below -outputdir "
	}
	text = strings.TrimSuffix(text, ", below -outputdir ")
	os.WriteFile(filepath.Join(os.Getenv("OUT"), who+".txt"), []byte(text), 0o600)
}

func TestPlain(t *testing.T) { look(t, "testing") }

func TestSuite(t *testing.T) { ginkgo.RunSpecs(t, "suite") }

var _ = ginkgo.It("has a folder", func() { look(ginkgo.GinkgoTB(), "ginkgo") })
GO
go get github.com/onsi/ginkgo/v2@v2.34.0 >log 2>&1 || { cat log; exit 1; }
go mod tidy >log 2>&1 || { cat log; exit 1; }
go vet . >log 2>&1 || { cat log; exit 1; } # compiles what the test needs, so that tmp is empty behind it
OUT=$dir/out go test -count=1 -artifacts -outputdir "$dir/out" . >log 2>&1 || { cat log; exit 1; }
left=$(find tmp -maxdepth 1 -name 'ginkgo*' | wc -l)
got="$(cat out/testing.txt)
$(cat out/ginkgo.txt), left behind $left"
echo "$got"
[ "$got" = 'testing: same folder true, below -outputdir true
ginkgo: same folder false, below -outputdir false, left behind 2' ]
