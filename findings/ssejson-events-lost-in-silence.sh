#!/usr/bin/env bash
# ssejson: an event with an id, or without the space behind the colon, is lost without an error.
# Version: npm ssejson 1.2.0, eventsource-parser 3.1.1; Node.js 20
# Behaviour: in server-sent events the space behind the colon is optional, the fields of an event come in any order, a line
# may end with CR LF, and several data lines make one value (HTML standard, section 9.2). The parser of ssejson wants an
# event that is one line and begins with "data: ". An event that begins with another field, or lacks the space, is skipped
# without an error; the other two forms end the stream with one. So when a server begins to send ids, which browsers need to
# resume, such a reader gets no event any more and hears of no error. The package's own serializer writes the one form that
# its parser reads, so its tests cannot show it. eventsource-parser reads all five.
# Seen: (events read of the two sent)
#       plain: ssejson 2, eventsource-parser 2
#       no space: ssejson 0, eventsource-parser 2
#       id first: ssejson 0, eventsource-parser 2
#       CR LF: ssejson error, eventsource-parser 2
#       two data lines: ssejson error, eventsource-parser 2
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts ssejson@1.2.0 eventsource-parser@3.1.1 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const ssejson = require("ssejson");
const streams = {
  plain: 'data: {"n":1}\n\ndata: {"n":2}\n\n',
  "no space": 'data:{"n":1}\n\ndata:{"n":2}\n\n',
  "id first": 'id: 1\ndata: {"n":1}\n\nid: 2\ndata: {"n":2}\n\n',
  "CR LF": 'data: {"n":1}\r\n\r\ndata: {"n":2}\r\n\r\n',
  "two data lines": 'data: {"n":\ndata: 1}\n\ndata: {"n":\ndata: 2}\n\n',
};

function read(text) {
  return new Promise((resolve) => {
    const stream = ssejson.parse();
    let n = 0;
    stream.on("data", () => n++);
    stream.on("error", () => resolve("error"));
    stream.on("end", () => resolve(n));
    stream.end(text);
  });
}

(async () => {
  const { createParser } = await import("eventsource-parser");
  for (const name in streams) {
    let n = 0;
    const parser = createParser({ onEvent: (event) => { JSON.parse(event.data); n++; } });
    parser.feed(streams[name]);
    console.log(`${name}: ssejson ${await read(streams[name])}, eventsource-parser ${n}`);
  }
})();
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'plain: ssejson 2, eventsource-parser 2
no space: ssejson 0, eventsource-parser 2
id first: ssejson 0, eventsource-parser 2
CR LF: ssejson error, eventsource-parser 2
two data lines: ssejson error, eventsource-parser 2' ]
