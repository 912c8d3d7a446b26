#!/usr/bin/env bash
# jackd: the reply to the next command becomes a part of the job, and pauseTube sends no line end.
# Version: npm jackd 2.2.2, Node.js 20
# Behaviour: beanstalkd says how many bytes a job has: "RESERVED 7 5". jackd waits until so many have come and then takes
# all that it has read for the job, but the last two bytes. Its commands are promises, so that a program may send the next
# one before it has the answer to the first. If both replies come in one segment, the job has the second reply at its end,
# and the second command never resolves. And pauseTube writes its command without CR LF: it waits for ever, and the
# server takes the next command for the rest of the line.
# Seen: reserve and touch, two segments: job "hello", touch done
#       reserve and touch, one segment: job "hello\r\nTOUCHED", touch pending
#       pauseTube and kick: the server reads "pause-tube mail 60kick 5\r\n"
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts jackd@2.2.2 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const net = require('net');
const Jackd = require('jackd');

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// start runs a server that gives each text that has come from its one client to onText.
async function start(onText) {
  let text = '';
  const server = net.createServer((socket) => {
    socket.setNoDelay().on('error', () => {});
    socket.on('data', (data) => onText((text += data), socket));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new Jackd();
  await client.connect({ host: '127.0.0.1', port: server.address().port });
  client.socket.on('error', () => {});
  return { client, stop: () => { client.socket.destroy(); server.close(); } };
}

async function reserve(pieces) {
  const { client, stop } = await start(async (text, socket) => {
    if (text !== 'reserve\r\ntouch 7\r\n') return;
    for (const piece of pieces) {
      const want = client.socket.bytesRead + piece.length;
      socket.write(piece);
      while (client.socket.bytesRead < want) await later(5);
      await later(50);
    }
  });
  const job = client.reserve(), touch = client.touch(7).then(() => 'done');
  const got = `job ${JSON.stringify(String((await job).payload))}, touch ${await Promise.race([touch, later(2000)]) || 'pending'}`;
  stop();
  return got;
}

async function pause() {
  let read = '';
  const { client, stop } = await start((text) => { read = text; });
  client.pauseTube('mail', { delay: 60 });
  client.kick(5);
  while (!read.includes('\n')) await later(5);
  stop();
  return 'the server reads ' + JSON.stringify(read);
}

(async () => {
  console.log('reserve and touch, two segments: ' + (await reserve(['RESERVED 7 5\r\nhello\r\n', 'TOUCHED\r\n'])));
  console.log('reserve and touch, one segment: ' + (await reserve(['RESERVED 7 5\r\nhello\r\nTOUCHED\r\n'])));
  console.log('pauseTube and kick: ' + (await pause()));
  process.exit();
})();
JS
got=$(timeout 60 node run.js)
echo "$got"
[ "$got" = 'reserve and touch, two segments: job "hello", touch done
reserve and touch, one segment: job "hello\r\nTOUCHED", touch pending
pauseTube and kick: the server reads "pause-tube mail 60kick 5\r\n"' ]
