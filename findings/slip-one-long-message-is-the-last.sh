#!/usr/bin/env bash
# slip (npm): after one message that is too long no message is decoded any more, and too long begins below the limit.
# Version: npm slip 1.0.2, Node.js 20
# Behaviour: "Messages larger than this value will cause the onError callback to be invoked", says the README of
# maxMessageSize, and the decoder means to "reset everything and carry on". What it compares is not the message but its
# buffer, which doubles from 1,024 bytes on and never shrinks. So with the default of 10 MB a message of 9 MB is refused,
# with 1,500 one of 1,100 bytes, and with 1,024 one of a single byte. From then on the buffer is too large for good: each
# byte of each later message is an error. onError is optional: without it the stream is silent for the rest of its life.
# Seen: (each is followed by a message of 5 bytes; messages handed out, by their bytes)
#       limit 1024: 1 byte: none
#       limit 1500: 1024 bytes: 1024 5; 1100 bytes: none
#       no limit given: 8388608 bytes: 8388608 5; 9000000 bytes: none
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts slip@1.0.2 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const slip = require('slip');

function read(size, maxMessageSize) {
  const got = [];
  const decoder = new slip.Decoder({ maxMessageSize, onMessage: (m) => got.push(m.length) });
  for (const n of [size, 5]) decoder.decode(slip.encode(new Uint8Array(n).fill(65)));
  return `${size} ${size === 1 ? 'byte' : 'bytes'}: ${got.join(' ') || 'none'}`;
}

console.log('limit 1024: ' + read(1, 1024));
console.log('limit 1500: ' + read(1024, 1500) + '; ' + read(1100, 1500));
console.log('no limit given: ' + read(8388608) + '; ' + read(9000000));
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'limit 1024: 1 byte: none
limit 1500: 1024 bytes: 1024 5; 1100 bytes: none
no limit given: 8388608 bytes: 8388608 5; 9000000 bytes: none' ]
