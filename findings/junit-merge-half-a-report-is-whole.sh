#!/usr/bin/env bash
# junit-merge: a report that was cut off at any byte is merged as if it were whole, with status 0.
# Version: npm junit-merge 2.0.0, junit-report-merger 9.0.4; Node.js 20
# Behaviour: a report ends in the middle where its test runner was killed or its disk was full. It is then not well-formed,
# which is a fatal error for an XML processor (XML 1.0, section 1.2). junit-merge leaves out what it cannot read,
# closes the open elements and ends with status 0 without a word: of a report with a failed test, each cut before the
# failure gives a merged file without one, and a report that is empty or ends in its first line is not there at all. The
# build is green. junit-report-merger refuses nearly every cut; it does take an empty file and a cut behind an element.
# Seen: (a report whose failure is at byte 121, cut before each byte up to there, merged with a whole report)
#       junit-merge: 122 cuts, 122 merged without the failure, 0 refused
#       junit-report-merger: 122 cuts, 5 merged without the failure, 117 refused
#       junit-merge, first 100 bytes: status 0, standard error empty, 2 tests, 0 failures
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts junit-merge@2.0.0 junit-report-merger@9.0.4 >log 2>&1 || { cat log; exit 1; }
echo '<testsuites><testsuite name="a" tests="1" failures="0"><testcase name="quiet"/></testsuite></testsuites>' >a.xml
cat >b.xml <<'XML'
<?xml version="1.0"?>
<testsuites><testsuite name="b" tests="2" failures="1"><testcase name="good"/><testcase name="bad"><failure message="no">x</failure></testcase></testsuite></testsuites>
XML
cat >run.js <<'JS'
const fs = require("fs");
const junitMerge = require("junit-merge/lib/index.js"), { mergeToString } = require("junit-report-merger");
const a = fs.readFileSync("a.xml", "utf8"), b = fs.readFileSync("b.xml", "utf8");

async function count(name, merge) {
  let merged = 0, refused = 0;
  const cuts = b.indexOf("<failure") + 1;
  for (let n = 0; n < cuts; n++) {
    try {
      if (!(await merge(b.slice(0, n))).includes("<failure")) merged++;
    } catch {
      refused++;
    }
  }
  console.log(`${name}: ${cuts} cuts, ${merged} merged without the failure, ${refused} refused`);
}

(async () => {
  await count("junit-merge", (half) => { fs.writeFileSync("half.xml", half); return junitMerge.mergeFiles(["a.xml", "half.xml"]); });
  await count("junit-report-merger", (half) => mergeToString([a, half]));
})();
JS
got=$(
  node run.js
  head -c 100 b.xml >half.xml
  status=0
  node node_modules/.bin/junit-merge -o out.xml a.xml half.xml 2>err || status=$?
  echo "junit-merge, first 100 bytes: status $status, standard error $([ -s err ] && echo not empty || echo empty), $(grep -c '<testcase' out.xml) tests, $(grep -c '<failure' out.xml || true) failures"
)
echo "$got"
[ "$got" = 'junit-merge: 122 cuts, 122 merged without the failure, 0 refused
junit-report-merger: 122 cuts, 5 merged without the failure, 117 refused
junit-merge, first 100 bytes: status 0, standard error empty, 2 tests, 0 failures' ]
