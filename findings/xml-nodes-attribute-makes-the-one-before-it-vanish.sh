#!/usr/bin/env bash
# xml-nodes: elements before the first one with an attribute are lost, unless they arrive in an earlier chunk.
# Version: npm xml-nodes 0.1.5, Node.js 20
# Behaviour: a stream that hands out each element of one name. In what it has read it looks for the name with and without
# attributes, and begins at the later of the two, not at the first: all elements in front of that are dropped without an
# error. Chunks that hold one element at a time give all of them, so the same document gives four, three or two elements,
# and other ones, by where the network cut it. Elements that all have attributes, or that all have none, are complete.
# Seen: (the letters are the contents, in the order in which they were handed out)
#       byte by byte: abcd
#       one chunk: cd
#       cut in two, behind each of 45 bytes: 34 times cd, 8 times acd, 3 times abd
#       one chunk, no attribute: abcd
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts xml-nodes@0.1.5 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const nodes = require('xml-nodes');

function read(pieces) {
  return new Promise((resolve) => {
    const stream = nodes('n');
    let got = '';
    stream.on('data', (node) => { got += String(node).replace(/<[^>]*>/g, ''); });
    stream.on('end', () => resolve(got));
    for (const piece of pieces) stream.write(piece);
    stream.end();
  });
}

(async () => {
  const text = '<l><n>a</n><n>b</n><n id="1">c</n><n>d</n></l>';
  console.log('byte by byte: ' + (await read([...text])));
  console.log('one chunk: ' + (await read([text])));
  const times = {};
  for (let at = 1; at < text.length; at++) {
    const got = await read([text.slice(0, at), text.slice(at)]);
    times[got] = (times[got] || 0) + 1;
  }
  console.log(`cut in two, behind each of ${text.length - 1} bytes: ` +
    Object.keys(times).sort((a, b) => a.length - b.length).map((k) => `${times[k]} times ${k}`).join(', '));
  console.log('one chunk, no attribute: ' + (await read([text.replace(' id="1"', '')])));
})();
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'byte by byte: abcd
one chunk: cd
cut in two, behind each of 45 bytes: 34 times cd, 8 times acd, 3 times abd
one chunk, no attribute: abcd' ]
