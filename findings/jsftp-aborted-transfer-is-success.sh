#!/usr/bin/env bash
# jsftp: a download that the server calls aborted is reported as a success.
# Version: npm jsftp 2.1.3
# Behaviour: FTP ends a file by the end of the data connection, and only the reply on the control connection says
# whether the file was whole: 226 or 426 (RFC 959, section 4.2.2). jsftp's get() hands out the data connection, as its
# README shows, and its `close` says that there was no error. The 426 that follows reaches nobody: the caller has half
# a file, and neither a callback nor an event tells.
# Seen: server said 426, error null, had error false, file "hello", events none
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts jsftp@2.1.3 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const net = require("net"), fs = require("fs"), Ftp = require("jsftp");
const data = net.createServer((conn) => data.emit("accepted", conn));
let said = 0, events = [];
const accepted = new Promise((resolve) => data.once("accepted", resolve));
const server = net.createServer((conn) => {
  conn.write("220 ready\r\n");
  require("readline").createInterface({ input: conn }).on("line", (line) => {
    const verb = line.split(" ")[0].toUpperCase();
    const say = (text) => conn.write(text + "\r\n");
    if (verb === "USER") say("331 password");
    else if (verb === "PASS") say("230 in");
    else if (verb === "TYPE") say("200 ok");
    else if (verb === "PASV") {
      const port = data.address().port;
      say(`227 entering passive mode (127,0,0,1,${port >> 8},${port & 255})`);
    } else if (verb === "RETR") {
      say("150 opening, 10 bytes");
      const send = (conn) => conn.end("hello", () => { said = 426; say("426 connection closed; transfer aborted"); });
      accepted.then(send);
    } else if (verb === "QUIT") { say("221 bye"); conn.end(); }
    else say("502 no");
  });
});
data.listen(0, "127.0.0.1", () => server.listen(0, "127.0.0.1", () => {
  const ftp = new Ftp({ host: "127.0.0.1", port: server.address().port, user: "u", pass: "p" });
  ftp.on("error", (e) => events.push("error " + e.message));
  ftp.on("timeout", () => events.push("timeout"));
  ftp.get("file", (error, socket) => {
    let file = "";
    socket.on("data", (piece) => { file += piece; });
    socket.on("close", (hadError) => {
      // QUIT is answered after 426: the client has read both by then.
      ftp.raw("quit", () => {
        console.log(`server said ${said}, error ${error}, had error ${hadError}, file "${file}", events ${events.join(", ") || "none"}`);
        process.exit(0);
      });
    });
    socket.resume();
  });
}));
JS
got=$(node run.js 2>/dev/null)
echo "$got"
[ "$got" = 'server said 426, error null, had error false, file "hello", events none' ]
