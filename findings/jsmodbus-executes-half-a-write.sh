#!/usr/bin/env bash
# jsmodbus: a server executes half of a write request that arrives in two segments, and answers success.
# Version: npm jsmodbus 5.0.0 (TCP server)
# Behaviour: the header of Modbus/TCP says how long the request is. The server does not wait for so many bytes: for
# "write multiple registers" it takes what has come. Of a request for three registers, of which two values are in
# the first segment, it writes two and answers at once with success; the third keeps its old value, and the answer
# says 2. The last value, when it comes, is not written. "Read coils" and the client side do wait.
# Seen: whole: answer 3 registers, memory 1 2 3
#       in two segments: answer 2 registers before the rest was sent, memory 1 2 0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts jsmodbus@5.0.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const net = require("net");
const Modbus = require("jsmodbus");
const header = [0, 1, 0, 0, 0, 13, 1];
const request = Buffer.from([...header, 16, 0, 0, 0, 3, 6, 0, 1, 0, 2, 0, 3]);

async function play(pieces) {
  const listener = new net.Server();
  const server = new Modbus.server.TCP(listener, { holding: Buffer.alloc(8) });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const conn = net.connect({ port: listener.address().port, noDelay: true });
  const answer = new Promise((resolve) => conn.once("data", resolve));
  conn.write(pieces[0]);
  const registers = (await answer).readUInt16BE(10);
  const memory = () => [0, 2, 4].map((at) => server.holding.readUInt16BE(at)).join(" ");
  if (pieces[1]) {
    // The server has seen the rest when it has closed behind it.
    const closed = new Promise((resolve) => conn.once("close", resolve));
    conn.end(pieces[1]);
    await closed;
  } else conn.destroy();
  listener.close();
  return `answer ${registers} registers${pieces[1] ? " before the rest was sent" : ""}, memory ${memory()}`;
}

(async () => {
  console.log("whole: " + await play([request]));
  console.log("in two segments: " + await play([request.subarray(0, 17), request.subarray(17)]));
})();
JS
got=$(node run.js 2>/dev/null)
echo "$got"
[ "$got" = 'whole: answer 3 registers, memory 1 2 3
in two segments: answer 2 registers before the rest was sent, memory 1 2 0' ]
