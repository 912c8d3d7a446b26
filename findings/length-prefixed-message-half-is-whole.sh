#!/usr/bin/env bash
# length-prefixed-message: half a message is handed out as a whole one, when the stream ends inside it.
# Version: npm length-prefixed-message 3.0.4 (with the dependencies that npm resolves)
# Behaviour: the length in front says 5. When the peer sends two of the five bytes and FIN, read() calls back with the
# two bytes as the message: the callback has no place for an error, and the socket emits none. The reader learns from
# nothing that three bytes are missing, although the length was there to tell it.
# Seen: whole: ["hello"], errors 0
#       in two segments: ["hello"], errors 0
#       ended after two bytes: ["he"], errors 0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts length-prefixed-message@3.0.4 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const net = require("net");
const { setTimeout: pause } = require("timers/promises");
const prefixed = require("length-prefixed-message");
const message = Buffer.from("\x05hello");

function play(name, ...pieces) {
  return new Promise((resolve) => {
    const server = net.createServer({ noDelay: true }, async (peer) => {
      for (const piece of pieces) {
        peer.write(piece);
        await pause(500);
      }
      peer.end();
    });
    server.listen(0, "127.0.0.1", () => {
      const conn = net.connect(server.address().port, "127.0.0.1");
      const got = [];
      let errors = 0;
      conn.on("error", () => errors++);
      prefixed.read(conn, (body) => got.push(body.toString()));
      conn.on("close", () => {
        console.log(`${name}: ${JSON.stringify(got)}, errors ${errors}`);
        server.close(resolve);
      });
    });
  });
}

(async () => {
  await play("whole", message);
  await play("in two segments", message.subarray(0, 3), message.subarray(3));
  await play("ended after two bytes", message.subarray(0, 3));
})();
JS
got=$(timeout 60 node run.js)
echo "$got"
[ "$got" = 'whole: ["hello"], errors 0
in two segments: ["hello"], errors 0
ended after two bytes: ["he"], errors 0' ]
