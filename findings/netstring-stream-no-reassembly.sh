#!/usr/bin/env bash
# netstring-stream: a netstring that arrives in two chunks is not put together.
# Version: npm netstring-stream 1.0.1, Node.js 18 or later
# Behaviour: the reader parses each chunk by itself. A netstring whose payload is cut comes out
# short, and its second half, which holds no colon, disappears. A socket may cut anywhere.
# Seen: one chunk: ["hello world"] two chunks: ["hello"]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" netstring-stream@1.0.1 >/dev/null
cat >probe.js <<'END'
const { readStream } = require('netstring-stream');
function read(...chunks) {
  return new Promise((resolve) => {
    const stream = readStream(), out = [];
    stream.on('data', (b) => out.push(b.toString()));
    stream.on('end', () => resolve(JSON.stringify(out)));
    for (const c of chunks) stream.write(Buffer.from(c));
    stream.end();
  });
}
(async () => {
  console.log('one chunk: ' + await read('11:hello world,') + ' two chunks: ' + await read('11:hello', ' world,'));
})();
END
got=$(node --no-deprecation probe.js)
echo "$got"
[ "$got" = 'one chunk: ["hello world"] two chunks: ["hello"]' ]
