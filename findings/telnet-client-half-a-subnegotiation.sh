#!/usr/bin/env bash
# telnet-client: it promises its terminal type, and the user name goes into half a subnegotiation about it.
# Version: npm telnet-client 2.2.14, read by npm telnet-stream 1.1.0; Node.js 20
# Behaviour: with terminalWidth and terminalHeight "IAC DO terminal type" is answered with "IAC WILL terminal type", says
# the README. A server then asks with "IAC SB terminal type SEND IAC SE" (RFC 1091). telnet-client takes the first three
# bytes for a command like DO and sends them back unchanged; the other three are text to it. So the server gets
# the beginning of a subnegotiation without an end: all that follows, the user name first, is its contents (RFC 855). The
# server goes on to wait for a name, and connect() fails with "Cannot connect". Without the two options it says WONT.
# Seen: without: WONT 24, text "ann\n"
#       with: WILL 24, text none, inside an open subnegotiation 24: "ann\n"
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts telnet-client@2.2.14 telnet-stream@1.1.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const net = require('net');
const { Telnet } = require('telnet-client');
const { TelnetInput } = require('telnet-stream');

function serve(socket, got, done) {
  const input = new TelnetInput();
  socket.on('error', () => {});
  socket.pipe(input);
  input.on('wont', (option) => { got.push('WONT ' + option); socket.write('login: '); });
  input.on('will', (option) => {
    got.push('WILL ' + option);
    socket.write(Buffer.from([255, 250, option, 1, 255, 240])); // IAC SB terminal-type SEND IAC SE
    socket.write('login: ');
  });
  let text = '', bytes = '';
  input.on('data', (data) => { text += data; });
  socket.on('data', (data) => {
    bytes += data.toString('latin1');
    if (!bytes.includes('ann\n')) return;
    setImmediate(() => {
      got.push('text ' + (text ? JSON.stringify(text) : 'none'));
      const at = bytes.indexOf('\xff\xfa');
      if (at >= 0) got.push(`inside an open subnegotiation ${bytes.charCodeAt(at + 2)}: ` + JSON.stringify(bytes.slice(at + 3)));
      done();
    });
  });
  socket.write(Buffer.from([255, 253, 24])); // IAC DO terminal-type
}

async function login(options) {
  const got = [];
  const client = new Telnet();
  await new Promise((resolve) => {
    const server = net.createServer((socket) => serve(socket, got, () => { server.close(); client.destroy(); resolve(); }));
    server.listen(0, '127.0.0.1', () => {
      client.connect({ host: '127.0.0.1', port: server.address().port, username: 'ann', timeout: 10000, ...options }).catch(() => {});
    });
  });
  return got.join(', ');
}

(async () => {
  console.log('without: ' + (await login({})));
  console.log('with: ' + (await login({ terminalWidth: 80, terminalHeight: 24 })));
  process.exit();
})();
JS
got=$(timeout 60 node run.js)
echo "$got"
[ "$got" = 'without: WONT 24, text "ann\n"
with: WILL 24, text none, inside an open subnegotiation 24: "ann\n"' ]
