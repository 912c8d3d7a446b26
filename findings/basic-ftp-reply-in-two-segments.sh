#!/usr/bin/env bash
# basic-ftp: a reply of one line that arrives in two segments is lost, or leads to another port; half a reply is a success.
# Version: npm basic-ftp 6.2.6
# Behaviour: a reply ends with CRLF (RFC 959, section 4.2), wherever its segments end. basic-ftp splits what has come at line
# ends (parseControlResponse.js), takes what remains for a whole line, and keeps nothing of it: only an open reply of
# several lines is kept. So "23" and "0 in" are two lines without a code, and the client waits for its timeout; a port of
# 227 that is cut is the port to connect to; and a "226 tr" before the connection ends is the end of a transfer that succeeded.
# Seen: whole: 5 bytes
#       230 after its first 2 digits: Timeout (control socket)
#       227 before the last digit of the port: connects to the wrong port
#       226 cut off by the end of the connection: 5 bytes
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts basic-ftp@6.2.6 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const net = require("net"), { Writable } = require("stream"), { Client } = require("basic-ftp");

// listen returns a server on a port with at least 2 digits in its last number.
async function listen(onConnection) {
  for (;;) {
    const server = net.createServer(onConnection);
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    if ((server.address().port & 255) >= 10) return server;
    server.close();
  }
}

// play lets a client fetch a file of 5 bytes; the reply with the code is cut after some bytes (negative: before its end).
async function play(name, code, at, end) {
  const data = await listen((conn) => data.emit("accepted", conn));
  const port = data.address().port;
  const accepted = new Promise((resolve) => data.once("accepted", resolve));
  const server = await listen((conn) => {
    conn.setNoDelay(true);
    conn.on("error", () => {});
    const say = (text) => {
      const line = text + "\r\n";
      if (!text.startsWith(code)) return conn.write(line);
      conn.write(line.slice(0, at));
      if (end) return conn.end();
      setTimeout(() => conn.destroyed || conn.write(line.slice(at)), 200); // the client has read the first part by then
    };
    say("220 ready");
    require("readline").createInterface({ input: conn }).on("line", (line) => {
      const verb = line.split(" ")[0].toUpperCase();
      if (verb === "USER") say("331 password");
      else if (verb === "PASS") say("230 in");
      else if (verb === "TYPE" || verb === "STRU") say("200 ok");
      else if (verb === "PASV") say(`227 entering passive mode (127,0,0,1,${port >> 8},${port & 255})`);
      else if (verb === "RETR") {
        say("150 opening");
        accepted.then((conn) => conn.end("hello", () => setTimeout(() => say("226 transfer complete"), 200)));
      } else if (verb === "QUIT") { say("221 bye"); conn.end(); }
      else say("502 no");
    });
  });
  const client = new Client(1500);
  let file = "", told;
  try {
    await client.access({ host: "127.0.0.1", port: server.address().port });
    await client.downloadTo(new Writable({ write(piece, _, done) { file += piece; done(); } }), "file");
    told = `${file.length} bytes`;
  } catch (error) {
    told = error.message;
    const tried = /ECONNREFUSED 127.0.0.1:(\d+)/.exec(told);
    if (tried && Number(tried[1]) !== port) told = "connects to the wrong port";
  }
  client.close();
  server.close();
  data.close();
  console.log(`${name}: ${told}`);
}

(async () => {
  await play("whole", "none");
  await play("230 after its first 2 digits", "230", 2);
  await play("227 before the last digit of the port", "227", -4);
  await play("226 cut off by the end of the connection", "226", 6, true);
  process.exit(0);
})();
JS
got=$(timeout 60 node run.js 2>/dev/null)
echo "$got"
[ "$got" = 'whole: 5 bytes
230 after its first 2 digits: Timeout (control socket)
227 before the last digit of the port: connects to the wrong port
226 cut off by the end of the connection: 5 bytes' ]
