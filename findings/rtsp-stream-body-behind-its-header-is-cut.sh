#!/usr/bin/env bash
# rtsp-stream: a body that begins in the segment of its header and ends in the next one is cut at the segment's end.
# Version: npm rtsp-stream 1.0.0, Node.js 20
# Behaviour: Content-Length says how long the body is (RFC 2326, section 12.14). The decoder counts the bytes of a chunk
# towards the body, and not those of the chunk that belong to it: the header is part of the sum. So a header of 76 bytes
# and one byte of a body of 20 are enough for "end of body": the message ends, without an error, with one byte. What is
# left of the body is read as the next request's first line, which is an error where nothing is wrong. A cut anywhere in
# the next request is an error too, for the end of its header is looked for from the wrong place. Cut in the first header
# all is right.
# Seen: one chunk: SET_PARAMETER "0123456789abcdefghij", TEARDOWN ""
#       cut behind each of the 76 bytes of the header: the same
#       cut behind byte 1 to 19 of the body: SET_PARAMETER with 1 to 19 bytes, then "Invalid RTSP Request-Line"
#       cut behind each of the 51 bytes of TEARDOWN but the last: "Invalid RTSP Request-Line" 50 times
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts rtsp-stream@1.0.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const { Decoder } = require('rtsp-stream');

const body = '0123456789abcdefghij';
const header = `SET_PARAMETER rtsp://example.com/a RTSP/1.0\r\nCSeq: 1\r\nContent-Length: ${body.length}\r\n\r\n`;
const teardown = 'TEARDOWN rtsp://example.com/a RTSP/1.0\r\nCSeq: 2\r\n\r\n';
const text = header + body + teardown;

// read gives the requests with their bodies; an error is the last of them.
function read(pieces) {
  return new Promise((resolve) => {
    const decoder = new Decoder(), got = [];
    const done = () => setImmediate(() => resolve(got));
    decoder.on('request', (request) => {
      const one = { method: request.method, body: '' };
      got.push(one);
      request.on('data', (data) => { one.body += data; });
    });
    const next = () => {
      if (!pieces.length) return done();
      try {
        decoder.write(Buffer.from(pieces.shift()), () => setImmediate(next));
      } catch (err) {
        got.push({ error: err.message.replace(/:.*/s, '') });
        done();
      }
    };
    next();
  });
}

(async () => {
  const show = (got) => got.map((g) => `${g.method} ${JSON.stringify(g.body)}`).join(', ');
  const whole = await read([text]);
  console.log('one chunk: ' + show(whole));
  const same = [];
  for (let at = 1; at <= header.length; at++) same.push(show(await read([text.slice(0, at), text.slice(at)])) === show(whole));
  console.log(`cut behind each of the ${header.length} bytes of the header: ` + (same.every(Boolean) ? 'the same' : 'not the same'));
  const sizes = [], errors = new Set();
  for (let n = 1; n < body.length; n++) {
    const got = await read([text.slice(0, header.length + n), text.slice(header.length + n)]);
    sizes.push(got[0].body === body.slice(0, n));
    errors.add(got.length === 2 ? got[1].error : 'something else');
  }
  console.log(`cut behind byte 1 to ${body.length - 1} of the body: SET_PARAMETER with ` +
    (sizes.every(Boolean) ? `1 to ${body.length - 1} bytes` : 'other bytes') + `, then ${[...errors].map((e) => JSON.stringify(e)).join(', ')}`);
  let wrong = 0;
  for (let n = 1; n < teardown.length; n++) {
    const at = header.length + body.length + n;
    const got = await read([text.slice(0, at), text.slice(at)]);
    if (got.at(-1).error === 'Invalid RTSP Request-Line') wrong++;
  }
  console.log(`cut behind each of the ${teardown.length} bytes of TEARDOWN but the last: "Invalid RTSP Request-Line" ${wrong} times`);
})();
JS
got=$(node --no-deprecation run.js)
echo "$got"
[ "$got" = 'one chunk: SET_PARAMETER "0123456789abcdefghij", TEARDOWN ""
cut behind each of the 76 bytes of the header: the same
cut behind byte 1 to 19 of the body: SET_PARAMETER with 1 to 19 bytes, then "Invalid RTSP Request-Line"
cut behind each of the 51 bytes of TEARDOWN but the last: "Invalid RTSP Request-Line" 50 times' ]
