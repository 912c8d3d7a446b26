#!/usr/bin/env bash
# node-pop3: a segment that holds nothing but a dot ends the message, and RETR is a success with a part of it.
# Version: npm node-pop3 0.11.0, Node.js 20
# Behaviour: a message ends with a line of one dot (RFC 1939, section 3), wherever the segments end. node-pop3 compares
# segments: one that is "." or ".\r\n", or that ends with "\r\n.\r\n", is the end. So the dot of "3.14", or the one at the
# end of a sentence, ends the message if the cuts are around it: RETR resolves with what came before, and nothing tells
# that more was to come. (The true end is not seen either where it comes in two segments: RETR then does not return.)
# Seen: whole: "It is 3.14 here.\r\nBye"
#       cut around the dot of 3.14: "It is 3"
#       cut in front of the full stop, and behind its line end: "It is 3.14 here"
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts node-pop3@0.11.0 >log 2>&1 || { cat log; exit 1; }
cat >run.mjs <<'JS'
import net from 'node:net';
import Pop3 from 'node-pop3';

const text = 'It is 3.14 here.\r\nBye\r\n';
const answer = '+OK\r\n' + text + '.\r\n';

// send writes each piece when the client has read the one before.
function send(socket, client, pieces) {
  let want = client._socket.bytesRead;
  const next = () => {
    if (!client._socket || !pieces.length) return;
    if (client._socket.bytesRead === want) {
      const piece = pieces.shift();
      want += piece.length;
      socket.write(piece);
    }
    setImmediate(next);
  };
  next();
}

async function retr(cuts) {
  const pieces = [...cuts, answer.length].map((at, n) => answer.slice(n ? cuts[n - 1] : 0, at));
  let client;
  const server = net.createServer((socket) => {
    socket.setNoDelay().on('error', () => {});
    socket.write('+OK\r\n');
    socket.on('data', (d) => (d.toString().startsWith('RETR') ? send(socket, client, pieces) : socket.write('+OK\r\n')));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = new Pop3({ host: '127.0.0.1', port: server.address().port, user: 'user', password: 'word' });
  const got = await client.RETR(1);
  client._socket.destroy();
  server.close();
  return JSON.stringify(got);
}

console.log('whole: ' + (await retr([])));
const pi = answer.indexOf('.14');
console.log('cut around the dot of 3.14: ' + (await retr([pi, pi + 1])));
const stop = answer.indexOf('.\r\n');
console.log('cut in front of the full stop, and behind its line end: ' + (await retr([stop, stop + 3])));
process.exit();
JS
got=$(node run.mjs)
echo "$got"
[ "$got" = 'whole: "It is 3.14 here.\r\nBye"
cut around the dot of 3.14: "It is 3"
cut in front of the full stop, and behind its line end: "It is 3.14 here"' ]
