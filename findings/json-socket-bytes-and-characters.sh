#!/usr/bin/env bash
# json-socket: the length counts bytes, and a message that has another one behind it is cut by characters.
# Version: npm json-socket 0.3.0, Node.js 18 or later
# Behaviour: when two messages arrive in one segment and the first one has a character of two bytes, the
# receiver cuts the first one too late, takes a byte of the second one's length with it and refuses both.
# The library's own sender writes such messages; sent apart they arrive.
# Seen: apart: 2 messages, 0 errors; together: fewer than 2 messages, and errors
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" json-socket@0.3.0 >/dev/null
cat >probe.js <<'END'
const { EventEmitter } = require('events');
const JsonSocket = require('json-socket');
function receive(chunks) {
  const raw = new EventEmitter(), seen = { messages: 0, errors: 0 };
  raw.write = () => {}; raw.end = () => {};
  const socket = new JsonSocket(raw);
  socket.sendError = () => { seen.errors++; };
  socket.on('message', () => { seen.messages++; });
  for (const c of chunks) raw.emit('data', Buffer.from(c));
  return seen;
}
const text = (s) => Buffer.byteLength(s) + '#' + s;
const a = text(JSON.stringify({ s: '\u00fc' })), b = text(JSON.stringify({ s: 'u' }));
const apart = receive([a, b]), together = receive([a + b]);
console.log('apart: ' + apart.messages + ' messages, ' + apart.errors + ' errors; together: ' + together.messages + ' messages, ' + (together.errors > 0 ? 'errors' : 'no error'));
END
got=$(node probe.js)
echo "$got"
[ "$got" = 'apart: 2 messages, 0 errors; together: 0 messages, errors' ]
