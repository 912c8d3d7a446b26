#!/usr/bin/env bash
# graygelf: two messages in chunks become a third one that nobody sent.
# Version: npm graygelf 2.0.0 (its server), Node.js 20
# Behaviour: a chunk of GELF over UDP has a message id of 8 bytes, by which the chunks of one message find each other.
# graygelf's server looks at the first six, and of these at seven bits each. Two messages whose ids differ in the last
# two bytes only, as those of a counter do, or only in a high bit, are one to it: where their chunks arrive among each
# other, it puts the first half of one and the second half of the other together. Uncompressed, that is a message with
# one's host and the other's level; compressed, it is an error. The halves that are left over are dropped.
# Seen: (two messages, their chunks among each other)
#       ids differ in the first byte: alpha 3, bravo 6
#       ids differ in the last byte: bravo 3
#       ids differ in the high bit of the first byte: bravo 3
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts graygelf@2.0.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const dgram = require('dgram');
const graygelf = require('graygelf/server');

// chunks is the two chunks of one message, cut in front of the level.
function chunks(id, host, level) {
  const text = JSON.stringify({ version: '1.1', host, short_message: 'hello', level });
  const at = text.indexOf('"level"');
  return [text.slice(0, at), text.slice(at)].map((part, n) =>
    Buffer.concat([Buffer.from([0x1e, 0x0f]), Buffer.from(id, 'hex'), Buffer.from([n, 2]), Buffer.from(part)]));
}

function read(first, second) {
  return new Promise((resolve) => {
    const server = graygelf().listen(0, '127.0.0.1');
    const got = [];
    const a = chunks(first, 'alpha', 3), b = chunks(second, 'bravo', 6);
    const datagrams = [a[0], b[0], a[1], b[1]];
    const socket = dgram.createSocket('udp4');
    const next = () => socket.send(datagrams.shift(), server._udp.address().port, '127.0.0.1');
    server.on('message', (m) => got.push(`${m.host} ${m.level}`));
    server.on('data', () => setImmediate(() => {
      if (datagrams.length) return next();
      server.close();
      socket.close();
      resolve(got.join(', '));
    }));
    server._udp.on('listening', next);
  });
}

(async () => {
  console.log('ids differ in the first byte: ' + (await read('0100000000000001', '0200000000000001')));
  console.log('ids differ in the last byte: ' + (await read('0100000000000001', '0100000000000002')));
  console.log('ids differ in the high bit of the first byte: ' + (await read('0100000000000001', '8100000000000001')));
})();
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'ids differ in the first byte: alpha 3, bravo 6
ids differ in the last byte: bravo 3
ids differ in the high bit of the first byte: bravo 3' ]
