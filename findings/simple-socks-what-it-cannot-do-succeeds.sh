#!/usr/bin/env bash
# simple-socks: BIND and UDP ASSOCIATE, which it does not implement, are answered with success.
# Version: npm simple-socks 3.6.0, Node.js 20
# Behaviour: SOCKS5 has the reply 7, "command not supported" (RFC 1928, section 6). simple-socks answers both commands
# with 0, "succeeded", and with the address and port of the request as if they were those that it has opened: a client
# that asks for a UDP relay from 0.0.0.0:0, as section 7 lets it, is told to send its datagrams to 0.0.0.0:0. It then
# closes.
# Seen: BIND 0.0.0.0:0: reply 0, 0.0.0.0:0, then FIN
#       UDP ASSOCIATE 0.0.0.0:0: reply 0, 0.0.0.0:0, then FIN
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts simple-socks@3.6.0 >log 2>&1 || { cat log; exit 1; }
cat >run.mjs <<'JS'
import net from 'node:net';
import socks from 'simple-socks';

function ask(port, command) {
  return new Promise((resolve) => {
    let got = Buffer.alloc(0), asked = false;
    const socket = net.connect(port, '127.0.0.1', () => socket.write(Buffer.from([5, 1, 0])));
    socket.on('data', (data) => {
      got = Buffer.concat([got, data]);
      if (asked || got.length < 2) return;
      asked = true;
      socket.write(Buffer.from([5, command, 0, 1, 0, 0, 0, 0, 0, 0]));
    });
    const reply = (end) => resolve(`reply ${got[3]}, ${[...got.subarray(6, 10)].join('.')}:${got.readUInt16BE(10)}, ${end}`);
    socket.on('end', () => reply('then FIN'));
    socket.on('error', (err) => reply(err.code));
    setTimeout(() => reply('stays open'), 5000).unref();
  });
}

const server = socks.createServer();
server.listen(0, '127.0.0.1', async () => {
  const port = server.address().port;
  console.log('BIND 0.0.0.0:0: ' + (await ask(port, 2)));
  console.log('UDP ASSOCIATE 0.0.0.0:0: ' + (await ask(port, 3)));
  process.exit();
});
JS
got=$(node run.mjs)
echo "$got"
[ "$got" = 'BIND 0.0.0.0:0: reply 0, 0.0.0.0:0, then FIN
UDP ASSOCIATE 0.0.0.0:0: reply 0, 0.0.0.0:0, then FIN' ]
