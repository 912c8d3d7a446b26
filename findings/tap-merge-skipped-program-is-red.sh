#!/usr/bin/env bash
# tap-merge: two green streams make a red one when the tests of one program were skipped.
# Version: npm tap-merge 0.3.1, tap-parser 18.3.4; Node.js 20
# Behaviour: a program that has nothing to test here says `1..0 # SKIP reason` (TAP 13 and 14). tap-merge "renumbers tests
# and test plans", but takes a line for a plan only if nothing follows the numbers: this plan stays where it is, in the
# middle, and the sum of the others comes last, so that the result has two plans and fails. A stream of that line alone
# gets a plan `0..0`, which no version of TAP has. A bare "ok" gets no number, and where there is a number and no
# description, the old number becomes the description: the second program's "ok 1" is "ok 3 1".
# Seen: (status of tap-parser before and after)
#       two passed: 0 and 0
#       one passed, one skipped: 0 and 1, plans 1..0 # SKIP no database; 1..2
#       one skipped: 0 and 0, plans 1..0 # SKIP no database; 0..0
#       without descriptions: ok 1 1; ok 2 2; ok 3 1; ok 4 2
#       without numbers: ok; ok
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts tap-merge@0.3.1 tap-parser@18.3.4 >log 2>&1 || { cat log; exit 1; }
passed='TAP version 13\n1..2\nok 1 - a\nok 2 - b\n'
skipped='TAP version 13\n1..0 # SKIP no database\n'
merge() { node node_modules/.bin/tap-merge; }
lines() { grep -E "$1" merged | paste -sd'|' | sed 's/|/; /g'; }
# check NAME STREAM… prints the worst status of the streams, the status of them merged, and the plans then.
check() {
  local name=$1 before=0 after=0 stream
  shift
  for stream; do printf "$stream" | node node_modules/.bin/tap-parser >out 2>&1 || before=$?; done
  printf '%b' "$@" | merge >merged
  node node_modules/.bin/tap-parser <merged >out 2>&1 || after=$?
  echo "$name: $before and $after, plans $(lines '^[0-9]+\.\.')"
}
got=$(
  check 'two passed' "$passed" "$passed"
  check 'one passed, one skipped' "$passed" "$skipped"
  check 'one skipped' "$skipped"
  printf '1..2\nok 1\nok 2\n1..2\nok 1\nok 2\n' | merge >merged
  echo "without descriptions: $(lines '^ok')"
  printf '1..2\nok\nok\n' | merge >merged
  echo "without numbers: $(lines '^ok')"
)
echo "$got"
[ "$got" = 'two passed: 0 and 0, plans 1..4
one passed, one skipped: 0 and 1, plans 1..0 # SKIP no database; 1..2
one skipped: 0 and 0, plans 1..0 # SKIP no database; 0..0
without descriptions: ok 1 1; ok 2 2; ok 3 1; ok 4 2
without numbers: ok; ok' ]
