#!/usr/bin/env bash
# ntp-client: a server's refusal, and an answer that is too short, are handed out as the time.
# Version: npm ntp-client 0.5.3
# Behaviour: stratum 0 is a kiss-o'-death packet: it carries no time, and its reference says why, here RATE (RFC 5905,
# section 7.4). A leap indicator of 3 says that the server's clock is not synchronised. ntp-client looks at neither:
# it calls back with error null and the date of the empty timestamp, in 1900. An answer of 40 bytes, which ends
# before the timestamp, gives error null and an invalid date.
# Seen: rate refused: error null, date 1900-01-01T00:00:00.000Z
#       not synchronised: error null, date 1900-01-01T00:00:00.000Z
#       40 bytes: error null, date Invalid Date
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts ntp-client@0.5.3 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const dgram = require("dgram"), client = require("ntp-client");
function ask(what, answer) {
  return new Promise((resolve) => {
    const server = dgram.createSocket("udp4");
    server.on("message", (_, from) => server.send(answer, from.port, from.address));
    server.bind(0, "127.0.0.1", () => client.getNetworkTime("127.0.0.1", server.address().port, (error, date) => {
      console.log(`${what}: error ${error}, date ${isNaN(date) ? date : date.toISOString()}`);
      server.close(resolve);
    }));
  });
}
(async () => {
  const rate = Buffer.alloc(48);
  rate[0] = 0xe4; // leap 3, version 4, mode 4 (server), stratum 0
  rate.write("RATE", 12);
  await ask("rate refused", rate);
  const unsynchronised = Buffer.alloc(48);
  unsynchronised[0] = 0xe4;
  unsynchronised[1] = 16; // stratum 16: not synchronised
  await ask("not synchronised", unsynchronised);
  await ask("40 bytes", Buffer.concat([Buffer.from([0x24, 2]), Buffer.alloc(38)]));
})();
JS
got=$(node run.js 2>/dev/null)
echo "$got"
[ "$got" = 'rate refused: error null, date 1900-01-01T00:00:00.000Z
not synchronised: error null, date 1900-01-01T00:00:00.000Z
40 bytes: error null, date Invalid Date' ]
