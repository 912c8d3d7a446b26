#!/usr/bin/env bash
# ais-stream-decoder: the first half of one ship's message and the second half of another's are one ship.
# Version: npm ais-stream-decoder 2.1.2, Node.js 20
# Behaviour: a long AIS message takes several sentences, which have a sequential message id and a channel, so that a
# receiver knows which belong together. The decoder, which "handles multi-part messages out of the box", looks at neither:
# it counts. Where the halves of two messages come among each other, as they do with two channels, both are lost with
# "Incorrect multipart order", and the stream ends by this error. Where one half of each is lost, as UDP loses datagrams,
# what is left is decoded as one message without an error: the name of one ship, bound for where the other one goes.
# Seen: one behind the other: ALPHA to OSLO, BRAVO to CORK
#       among each other: Incorrect multipart order
#       second half of ALPHA and first of BRAVO lost: ALPHA to CORK
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts ais-stream-decoder@2.1.2 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const Decoder = require('ais-stream-decoder').default;

const number = (value, bits) => value.toString(2).padStart(bits, '0');
const letters = (text, n) => [...text.padEnd(n, '@')].map((c) => number(c.charCodeAt(0) & 63, 6)).join('');

// voyage is the bits of a message of type 5, static and voyage data (ITU-R M.1371, annex 8).
function voyage(mmsi, name, destination) {
  return number(5, 6) + number(0, 2) + number(mmsi, 30) + number(0, 2) + number(0, 30) + letters('', 7) +
    letters(name, 20) + number(0, 8 + 30 + 4 + 20 + 8) + letters(destination, 20) + number(0, 2) + '00';
}

// sentences is the two sentences of a message, cut in front of the destination.
function sentences(id, channel, bits) {
  const payload = bits.match(/.{6}/g).map((b) => parseInt(b, 2)).map((v) => String.fromCharCode(v + (v < 40 ? 48 : 56))).join('');
  return [payload.slice(0, 50), payload.slice(50)].map((part, n) => {
    const body = `AIVDM,2,${n + 1},${id},${channel},${part},${n ? 2 : 0}`;
    const sum = [...body].reduce((x, c) => x ^ c.charCodeAt(0), 0);
    return `!${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function read(lines) {
  return new Promise((resolve) => {
    const decoder = new Decoder(), got = [];
    const done = () => resolve(got.join(', '));
    decoder.on('data', (text) => { const m = JSON.parse(text); got.push(`${m.name} to ${m.destination}`); });
    decoder.on('error', (err) => { got.push(err.message.replace(/ \(.*/s, '')); done(); });
    decoder.on('end', done);
    for (const line of lines) decoder.write(line);
    decoder.end();
  });
}

(async () => {
  const a = sentences(1, 'A', voyage(200000001, 'ALPHA', 'OSLO'));
  const b = sentences(2, 'B', voyage(200000002, 'BRAVO', 'CORK'));
  console.log('one behind the other: ' + (await read([...a, ...b])));
  console.log('among each other: ' + (await read([a[0], b[0], a[1], b[1]])));
  console.log('second half of ALPHA and first of BRAVO lost: ' + (await read([a[0], b[1]])));
})();
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'one behind the other: ALPHA to OSLO, BRAVO to CORK
among each other: Incorrect multipart order
second half of ALPHA and first of BRAVO lost: ALPHA to CORK' ]
