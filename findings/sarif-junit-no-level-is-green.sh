#!/usr/bin/env bash
# sarif-junit: a problem without a level is a test that passed, and one that was suppressed is a failure.
# Version: npm sarif-junit 1.1.4, Node.js 20
# Behaviour: a SARIF result may leave out its level: it is then what the rule says, or else "warning" (SARIF 2.1.0,
# section 3.27.10). sarif-junit, which makes a JUnit file for CI of it, gives failures for "error" and "warning" where the
# result says so itself, and a passed test for each result that says nothing: a scanner that puts the levels into its rules
# has a green build, whatever it finds. It reads no suppressions: a result that somebody has accepted (section 3.27.23)
# fails the build.
# Seen: level error: failed
#       no level, rule says error: passed
#       no level anywhere: passed
#       level error, suppressed: failed
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts sarif-junit@1.1.4 >log 2>&1 || { cat log; exit 1; }
cat >in.sarif <<'SARIF'
{"version": "2.1.0", "runs": [{
  "tool": {"driver": {"name": "scanner", "rules": [{"id": "R1", "defaultConfiguration": {"level": "error"}}]}},
  "results": [
    {"ruleId": "R0", "level": "error", "message": {"text": "level error"},
     "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.c"}}}]},
    {"ruleId": "R1", "ruleIndex": 0, "message": {"text": "no level, rule says error"},
     "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.c"}}}]},
    {"ruleId": "R2", "message": {"text": "no level anywhere"},
     "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.c"}}}]},
    {"ruleId": "R3", "level": "error", "suppressions": [{"kind": "inSource"}], "message": {"text": "level error, suppressed"},
     "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.c"}}}]}
  ]
}]}
SARIF
npx --no-install sarif-junit -i in.sarif -o out.xml >log 2>&1 || { cat log; exit 1; }
cat >run.py <<'PY'
import xml.etree.ElementTree as xml

for case in xml.parse("out.xml").iter("testcase"):
    print(case.get("name") + ":", "passed" if case.find("failure") is None else "failed")
PY
got=$(python3 run.py)
echo "$got"
[ "$got" = 'level error: failed
no level, rule says error: passed
no level anywhere: passed
level error, suppressed: failed' ]
