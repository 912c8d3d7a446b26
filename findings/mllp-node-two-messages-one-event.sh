#!/usr/bin/env bash
# mllp-node: of two HL7 messages in one TCP segment it sees one.
# Version: npm mllp-node 2.0.0, Node.js 18 or later
# Behaviour: the server looks for one end marker in each chunk. Of two messages that arrive together
# it emits one event, whose text holds the frame of the second as well. Sent apart, the same two
# messages are two events. TCP may put together what was sent apart.
# Seen: apart: 2 events; together: 1 events
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" mllp-node@2.0.0 >/dev/null
cat >probe.js <<'END'
const net = require('net');
const { MLLPServer } = require('mllp-node');
const message = (id) => '\x0bMSH|^~\\&|A|B|C|D|20200101000000||ORU^R01|' + id + '|P|2.3\x1c\r';
const port = 20000 + process.pid % 20000;
const server = new MLLPServer('127.0.0.1', port, () => {});
let events = 0;
server.on('hl7', () => events++);
function acks(chunks) {
  return new Promise((resolve, reject) => {
    events = 0;
      const socket = net.connect(port, '127.0.0.1');
    socket.on('error', reject);
    socket.on('data', () => {
      if (chunks.length) socket.write(chunks.shift());
      else socket.end();
    });
    socket.on('close', () => resolve(events + ' events'));
    socket.on('connect', () => socket.write(chunks.shift()));
  });
}
(async () => {
  const apart = await acks([message('1'), message('2')]);
  const together = await acks([message('1') + message('2')]);
  console.log('apart: ' + apart + '; together: ' + together);
  process.exit(0);
})();
END
got=$(node probe.js)
echo "$got"
[ "$got" = 'apart: 2 events; together: 1 events' ]
