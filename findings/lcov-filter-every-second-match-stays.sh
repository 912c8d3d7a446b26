#!/usr/bin/env bash
# lcov-filter: of two files in a row that should go, the second stays, and what is left is glued together.
# Version: npm lcov-filter 0.1.1, Node.js 20
# Behaviour: it removes the records of files whose name matches. Its regular expression has the flag g, with which test()
# goes on where the last match ended: behind each record that goes, it begins the next one in the middle, and a name that
# stands in front of that place is not found. So every second file of a folder stays in the report. And the records that
# stay are written without a line end between them: "end_of_recordTN:" is no line that a report may have, so that a
# reader takes the next file's lines for the first one's. The status is 0.
# Seen: keep.c, vendor/1.c to vendor/4.c, last.c without "vendor": keep.c, vendor/2.c, vendor/4.c, last.c
#       lines end_of_record: 1 of 4; lines end_of_recordTN: 3
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts lcov-filter@0.1.1 >log 2>&1 || { cat log; exit 1; }
for name in keep.c vendor/1.c vendor/2.c vendor/3.c vendor/4.c last.c; do
	printf 'TN:\nSF:%s\nDA:1,1\nLF:1\nLH:1\nend_of_record\n' "$name"
done >in.info
npx --no-install lcov-filter in.info vendor >out.info
list=$(sed -n 's/^SF://p' out.info | paste -sd, | sed 's/,/, /g')
got="keep.c, vendor/1.c to vendor/4.c, last.c without \"vendor\": $list
lines end_of_record: $(grep -cx end_of_record out.info) of 4; lines end_of_recordTN: $(grep -cx end_of_recordTN: out.info)"
echo "$got"
[ "$got" = 'keep.c, vendor/1.c to vendor/4.c, last.c without "vendor": keep.c, vendor/2.c, vendor/4.c, last.c
lines end_of_record: 1 of 4; lines end_of_recordTN: 3' ]
