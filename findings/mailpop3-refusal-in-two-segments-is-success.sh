#!/usr/bin/env bash
# mailpop3: a refusal that arrives in two segments is a success, for its command or for the next one.
# Version: npm mailpop3 0.1.0, Node.js 20
# Behaviour: an answer of POP3 is a line that CR LF ends (RFC 1939, section 3). mailpop3 takes each chunk of a socket for
# one answer, and every one that begins with neither +OK nor -ERR for a success, as in an exchange of SASL. Where the cut
# is inside -ERR, the refused command succeeded. Where it is behind it, the program hears of the refusal, sends the next
# command, and the rest of the line is the success of that one, whatever the server says to it. From then on each answer
# belongs to the command before. RETR waits for its end, but leaves the stuffed dot of section 3 in the message.
# Seen: (the server refuses both deletions)
#       whole: DELE 1 refused, DELE 2 refused
#       cut inside -ERR: DELE 1 success, DELE 2 success
#       cut in the text: DELE 1 refused, DELE 2 success
#       line sent as "..signature" by RETR: "..signature"
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts mailpop3@0.1.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const net = require("net"), readline = require("readline"), POP3Client = require("mailpop3");
const refusal = "-ERR message is locked\r\n";

const play = (name, cut) => new Promise((resolve) => {
  let message = "";
  const results = [];
  const server = net.createServer((conn) => {
    let rest = "", timer;
    const sendRest = () => { clearTimeout(timer); conn.write(rest); rest = ""; };
    conn.setNoDelay(true);
    conn.write("+OK ready\r\n");
    readline.createInterface({ input: conn }).on("line", (line) => {
      const [verb, number] = line.split(" ");
      sendRest(); // the client has gone on: it does not wait for it
      if (verb === "RETR") conn.write("+OK\r\nSubject: x\r\n\r\n..signature\r\n.\r\n");
      else if (verb !== "DELE") conn.write("+OK\r\n");
      else if (number === "2" || !cut) conn.write(refusal);
      else {
        conn.write(refusal.slice(0, cut));
        rest = refusal.slice(cut);
        timer = setTimeout(sendRest, 2000);
      }
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const client = new POP3Client(server.address().port, "127.0.0.1", { enabletls: false });
    client.on("connect", () => client.login("user", "password"));
    client.on("login", () => client.retr(1));
    client.on("retr", (status, number, data) => { message = data.split("\r\n")[2]; client.dele(1); });
    client.on("dele", (status, number) => {
      results.push(`DELE ${number} ${status ? "success" : "refused"}`);
      if (number === 1) return client.dele(2);
      console.log(`${name}: ${results.join(", ")}`);
      resolve(message);
    });
  });
});

(async () => {
  await play("whole", 0);
  await play("cut inside -ERR", 2);
  const line = await play("cut in the text", 9);
  console.log(`line sent as "..signature" by RETR: "${line}"`);
  process.exit(0);
})();
JS
got=$(timeout 90 node run.js)
echo "$got"
[ "$got" = 'whole: DELE 1 refused, DELE 2 refused
cut inside -ERR: DELE 1 success, DELE 2 success
cut in the text: DELE 1 refused, DELE 2 success
line sent as "..signature" by RETR: "..signature"' ]
