#!/usr/bin/env bash
# frame-stream: a stream that ends in the middle of a frame ends without an error.
# Version: npm frame-stream 4.0.1, Node.js 18 or later
# Behaviour: the decoder emits the frames that are whole, drops the beginning of the last
# one and then emits "end". A reader cannot tell a truncated stream from a complete one.
# Seen: frames: ["first"] error: none end: yes
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" frame-stream@4.0.1 >/dev/null
cat >probe.js <<'END'
const decoder = require('frame-stream')();
const frames = [];
let error = 'none';
decoder.on('data', (frame) => frames.push(frame.toString()));
decoder.on('error', (e) => { error = e.message; });
decoder.on('end', () => console.log('frames: ' + JSON.stringify(frames) + ' error: ' + error + ' end: yes'));
decoder.write(Buffer.from('\0\0\0\x05first' + '\0\0\0\x06sec'));
decoder.end();
END
got=$(node probe.js)
echo "$got"
[ "$got" = 'frames: ["first"] error: none end: yes' ]
