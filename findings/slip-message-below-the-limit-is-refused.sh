#!/usr/bin/env bash
# slip (npm): a message below the limit of the decoder is refused as longer than it.
# Version: npm slip 1.0.2, Node.js 20
# Behaviour: "Messages larger than this value will cause the onError callback to be invoked", says the README of
# maxMessageSize. What the decoder compares is not the message but its buffer, which doubles from 1,024 bytes on and never
# shrinks. So with the default of 10 MB a message of 9 MB is refused, with 1,500 one of 1,100 bytes, and with 1,024 one
# of a single byte. onError is optional: without it the message is gone in silence.
# Seen: limit 1024: 1 byte refused
#       limit 1500: 1024 bytes decoded, 1100 bytes refused
#       no limit given: 8388608 bytes decoded, 9000000 bytes refused
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts slip@1.0.2 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const slip = require('slip');

function read(size, maxMessageSize) {
  let decoded = false;
  const decoder = new slip.Decoder({ maxMessageSize, onMessage: (m) => { decoded = m.length === size; } });
  decoder.decode(slip.encode(new Uint8Array(size).fill(65)));
  return `${size} ${size === 1 ? 'byte' : 'bytes'} ${decoded ? 'decoded' : 'refused'}`;
}

console.log('limit 1024: ' + read(1, 1024));
console.log('limit 1500: ' + read(1024, 1500) + ', ' + read(1100, 1500));
console.log('no limit given: ' + read(8388608) + ', ' + read(9000000));
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'limit 1024: 1 byte refused
limit 1500: 1024 bytes decoded, 1100 bytes refused
no limit given: 8388608 bytes decoded, 9000000 bytes refused' ]
