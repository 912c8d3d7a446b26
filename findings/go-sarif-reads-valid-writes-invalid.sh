#!/usr/bin/env bash
# go-sarif: a log that is read and written again is no longer valid, and "strict validation" does not validate.
# Version: github.com/owenrumney/go-sarif/v3 v3.3.1 (Go module)
# Behaviour: the log has all that SARIF 2.1.0 requires: version, runs, tool, driver, name. sarif.FromBytes fills in
# what it leaves out: `"language": ""` and `"newlineSequences": []` are written, and Report.Validate, which has the
# schema, refuses them. With WithStrictValidation the arrays become null, which is refused too. And that option
# does not validate: a log without the required `runs` is read without an error.
# Seen: written again: 3 wrong places, runs.0.language runs.0.newlineSequences runs.0.tool.driver.language
#       read strictly, written again: 23 wrong places, runs.0.addresses runs.0.graphs runs.0.invocations
#       strict, without runs: <nil>
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module example.com/sarif

go 1.24
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

const schema = `"$schema": "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/main/sarif-2.1/schema/sarif-schema-2.1.0.json", `

func show(what, log string, options ...sarif.OpenOption) {
	report, err := sarif.FromBytes([]byte(log), options...)
	if err != nil {
		panic(err)
	}
	places := regexp.MustCompile(`runs\.0[\w.]*`).FindAllString(report.Validate().Error(), -1)
	slices.Sort(places)
	fmt.Printf("%s: %d wrong places, %s\n", what, len(places), strings.Join(places[:3], " "))
}

func main() {
	log := `{` + schema + `"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "demo"}}, "results": []}]}`
	show("written again", log)
	show("read strictly, written again", log, sarif.WithStrictValidation())
	_, err := sarif.FromBytes([]byte(`{`+schema+`"version": "2.1.0"}`), sarif.WithStrictValidation())
	fmt.Println("strict, without runs:", err)
}
GO
go get github.com/owenrumney/go-sarif/v3@v3.3.1 >log 2>&1 || { cat log; exit 1; }
go mod tidy >log 2>&1 || { cat log; exit 1; }
got=$(go run .)
echo "$got"
[ "$got" = 'written again: 3 wrong places, runs.0.language runs.0.newlineSequences runs.0.tool.driver.language
read strictly, written again: 23 wrong places, runs.0.addresses runs.0.graphs runs.0.invocations
strict, without runs: <nil>' ]
