#!/usr/bin/env bash
# ts-lsp-client: a header whose last bytes come in a second read is a "bad header", from 10 bytes of contents on.
# Version: npm ts-lsp-client 1.0.3, Node.js 20
# Behaviour: the header of a message is "Content-Length: 0" and two line ends, 21 bytes at least. The reader waits for 21
# bytes and then takes a header that has not ended yet for a wrong one. With one digit that cannot be seen; with each digit
# more there is one more place where a read may not end, or the stream fails with "Bad header" and quotes a header that is
# right as far as it goes. The field Content-Type, which the protocol has as well, is refused wherever the cuts are.
# Seen: contents of 9 bytes: 0 of 29 places
#       contents of 100 bytes: 2 of 122 places, behind byte 21, 22
#       contents of 10000 bytes, cut in the header: 4 of 24 places, behind byte 21, 22, 23, 24
#       with Content-Type, whole: Bad header
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts ts-lsp-client@1.0.3 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const { JSONRPCTransform } = require('ts-lsp-client');

// read gives the size of the one message, or the error without what it quotes.
function read(pieces) {
  return new Promise((resolve) => {
    const stream = JSONRPCTransform.createStream();
    let got = 0;
    stream.on('data', (message) => { got += message.length; });
    stream.on('error', (err) => resolve(err.message.replace(/^\[_transform\] |:.*/gs, '')));
    stream.on('end', () => resolve(got));
    for (const piece of pieces) stream.write(Buffer.from(piece));
    stream.end();
  });
}

async function cut(size, last) {
  const text = `Content-Length: ${size}\r\n\r\n` + JSON.stringify('x'.repeat(size - 2));
  const places = last ? text.length - size - 1 : text.length - 1;
  const wrong = [];
  for (let at = 1; at <= places; at++) {
    const got = await read([text.slice(0, at), text.slice(at)]);
    if (got === 'Bad header') wrong.push(at);
    else if (got !== size) wrong.push(got);
  }
  const where = wrong.length ? ', behind byte ' + wrong.join(', ') : '';
  return `${wrong.length} of ${places} places${where}`;
}

(async () => {
  console.log('contents of 9 bytes: ' + (await cut(9)));
  console.log('contents of 100 bytes: ' + (await cut(100)));
  console.log('contents of 10000 bytes, cut in the header: ' + (await cut(10000, true)));
  const type = 'Content-Type: application/vscode-jsonrpc; charset=utf-8';
  console.log('with Content-Type, whole: ' + (await read([`Content-Length: 2\r\n${type}\r\n\r\n{}`])));
})();
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'contents of 9 bytes: 0 of 29 places
contents of 100 bytes: 2 of 122 places, behind byte 21, 22
contents of 10000 bytes, cut in the header: 4 of 24 places, behind byte 21, 22, 23, 24
with Content-Type, whole: Bad header' ]
