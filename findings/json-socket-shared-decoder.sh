#!/usr/bin/env bash
# json-socket: half a character on one connection spoils the next message of another one.
# Version: npm json-socket 0.3.0, Node.js 18 or later
# Behaviour: one StringDecoder serves every socket of the process. When a segment of one client ends
# inside a multi-byte character, the decoder keeps the beginning, and puts it before what the next
# client sends: that client's message is refused. Both clients are correct.
# Seen: alone: {"n":1}; beside a client that is in the middle of a character: E_INVALID_CONTENT_LENGTH
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" json-socket@0.3.0 >/dev/null
cat >probe.js <<'END'
const net = require('net');
const JsonSocket = require('json-socket');
const halfSeen = [];
const server = net.createServer((raw) => {
  const socket = new JsonSocket(raw);
  raw.on('data', () => halfSeen.length && halfSeen.shift()());
  socket.on('message', (m) => raw.end('message ' + JSON.stringify(m)));
  socket.on('error', (e) => raw.end('error ' + e.code));
  socket.sendError = (e) => raw.end('error ' + e.code);
});
function ask(port, bytes) {
  return new Promise((resolve, reject) => {
    let answer = '';
    const c = net.connect(port, '127.0.0.1', () => c.write(bytes));
    c.on('data', (d) => { answer += d; });
    c.on('end', () => resolve(answer));
    c.on('error', reject);
  });
}
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const alone = await ask(port, '7#{"n":1}');
  const other = net.connect(port, '127.0.0.1');
  const read = new Promise((resolve) => halfSeen.push(resolve));
  other.write(Buffer.from('12#{"s":"\u00fc\u00fc"}').subarray(0, 10)); // ends inside the first u umlaut
  await read;
  const beside = await ask(port, '7#{"n":1}');
  console.log('alone: ' + alone + '; beside: ' + beside);
  process.exit(0);
});
END
got=$(node probe.js)
echo "$got"
[ "$got" = 'alone: message {"n":1}; beside: error E_INVALID_CONTENT_LENGTH' ]
