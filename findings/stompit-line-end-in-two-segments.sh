#!/usr/bin/env bash
# stompit: a line end CR LF that a segment boundary divides leaves the CR in the header.
# Version: npm stompit 1.0.0, Node.js 20
# Behaviour: STOMP 1.2 lets a line end with CR LF, and stompit negotiates 1.2. It removes the CR only where CR and LF
# are in the same read. Where the read ends between the two, the CR stays at the end of the command or of the value,
# so "MESSAGE\r" is no command that a client knows and "/queue/a\r" no queue. Where it is the blank line that is
# divided, the whole connection ends with "header parse error". The other 63 places of the same frame do no harm.
# Seen: 68 places: 63 right, 5 wrong
#       after the CR of line 1: command "MESSAGE\r"
#       after the CR of line 2: subscription "0\r"
#       after the CR of line 3: message-id "7\r"
#       after the CR of line 4: destination "/queue/a\r"
#       after the CR of line 5: header parse error
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts stompit@1.0.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const { IncomingFrameStream } = require("stompit");
const frame = "MESSAGE\r\nsubscription:0\r\nmessage-id:7\r\ndestination:/queue/a\r\n\r\nhello\0";
const right = { command: "MESSAGE", subscription: "0", "message-id": "7", destination: "/queue/a", body: "hello" };

function read(pieces) {
  return new Promise((resolve) => {
    const stream = new IncomingFrameStream();
    stream.setVersion("1.2");
    stream.on("error", (error) => resolve(error.message));
    stream.on("data", (f) => f.readString("utf8", (_, body) => resolve({ command: f.command, ...f.headers, body })));
    const write = (n) => n < pieces.length && stream.write(pieces[n], () => setImmediate(write, n + 1));
    write(0);
  });
}

(async () => {
  const wrong = [];
  for (let at = 1; at < frame.length; at++) {
    const got = await read([frame.slice(0, at), frame.slice(at)].map((s) => Buffer.from(s)));
    const key = Object.keys(right).find((k) => got[k] !== right[k]);
    if (!key) continue;
    const line = frame.slice(0, at).split("\r").length - 1;
    const where = frame[at - 1] === "\r" && frame[at] === "\n" ? `after the CR of line ${line}` : `at ${at}`;
    wrong.push(where + ": " + (got[key] === undefined ? got : key + " " + JSON.stringify(got[key])));
  }
  console.log(`${frame.length - 1} places: ${frame.length - 1 - wrong.length} right, ${wrong.length} wrong`);
  console.log(wrong.join("\n"));
})();
JS
got=$(node run.js)
echo "$got"
[ "$got" = '68 places: 63 right, 5 wrong
after the CR of line 1: command "MESSAGE\r"
after the CR of line 2: subscription "0\r"
after the CR of line 3: message-id "7\r"
after the CR of line 4: destination "/queue/a\r"
after the CR of line 5: header parse error' ]
