#!/usr/bin/env bash
# stomp-client: a body with a zero byte is whole when it comes in one segment, and cut off when it comes in two.
# Version: npm stomp-client 0.9.0, Node.js 20
# Behaviour: STOMP ends a frame by a zero byte; with content-length "this number of octets MUST be read, regardless of
# whether or not there are NULL octets in the body". stomp-client keeps to that where the body is in one read. Where
# the first read has a zero byte of the body and not the end of the frame, that zero byte ends the frame: the
# subscriber gets a shorter message and no error, although the length is in the header. What follows is dropped. So
# small binary messages work, in tests too, and large ones lose their end.
# Seen: one segment: "ab\u0000cd\u0000ef"
#       cut behind 0 to 2 bytes of the body: "ab\u0000cd\u0000ef"
#       cut behind 3 to 8 bytes of the body: "ab"
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts stomp-client@0.9.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const net = require("net"), Stomp = require("stomp-client");
const body = Buffer.from("ab\0cd\0ef");
const head = Buffer.from(`MESSAGE\nsubscription:0\nmessage-id:7\ndestination:/queue/a\ncontent-length:${body.length}\n\n`);
const frame = Buffer.concat([head, body, Buffer.from("\0")]);
const soon = () => new Promise(setImmediate);

// play sends the pieces, each when the client has read the one before, and returns what the subscriber gets.
function play(pieces) {
  return new Promise((resolve) => {
    let client;
    const got = [];
    const server = net.createServer((conn) => {
      conn.on("error", () => {});
      conn.on("data", async (data) => {
        if (String(data).startsWith("CONNECT")) conn.write("CONNECTED\nsession:1\nversion:1.0\n\n\0");
        if (!String(data).includes("SUBSCRIBE")) return;
        for (const piece of pieces) {
          const want = client.stream.bytesRead + piece.length;
          conn.write(piece);
          while (client.stream.bytesRead < want) await soon();
          await soon();
        }
        conn.end();
      });
    });
    server.listen(0, "127.0.0.1", () => {
      client = new Stomp("127.0.0.1", server.address().port, "", "", "1.0");
      client.on("error", () => {});
      client.connect(() => {
        client.stream.on("end", () => { client.stream.destroy(); server.close(); resolve(got.join(" ") || "nothing"); });
        client.subscribe("/queue/a", (text) => got.push(JSON.stringify(text)));
      });
    });
  });
}

(async () => {
  console.log("one segment: " + (await play([frame])));
  const seen = {};
  for (let n = 0; n <= body.length; n++) {
    const text = await play([frame.subarray(0, head.length + n), frame.subarray(head.length + n)]);
    (seen[text] = seen[text] || []).push(n);
  }
  for (const text in seen) console.log(`cut behind ${seen[text][0]} to ${seen[text].at(-1)} bytes of the body: ${text}`);
})();
JS
got=$(node --no-deprecation run.js)
echo "$got"
[ "$got" = 'one segment: "ab\u0000cd\u0000ef"
cut behind 0 to 2 bytes of the body: "ab\u0000cd\u0000ef"
cut behind 3 to 8 bytes of the body: "ab"' ]
