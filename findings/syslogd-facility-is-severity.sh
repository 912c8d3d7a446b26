#!/usr/bin/env bash
# syslogd (npm): the facility is called severity, and the severity facility.
# Version: npm syslogd 1.1.2, simple-syslog-server 1.0.0; Node.js 20
# Behaviour: the number in front of a message is facility * 8 + severity (RFC 5424, section 6.2.1). syslogd, a syslog
# server for Node.js, gives each under the other's name. A debug message of local7 arrives with severity 23, although RFC
# 5424 and the package's own table end at 7, and a message of the kernel with severity NaN. A filter for severity 3 or less
# keeps every message of user, mail and daemon, debug ones too, and drops the alerts of all others and the emergencies of
# the kernel. simple-syslog-server, whose parser is made from this one, has the names right.
# Seen: (facility/severity)
#       syslogd: kern.emerg 0/NaN, user.debug 7/1, auth.alert 1/4, local7.debug 7/23
#       simple-syslog-server: kern.emerg 0/0, user.debug 1/7, auth.alert 4/1, local7.debug 23/7
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts syslogd@1.1.2 simple-syslog-server@1.0.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const dgram = require("dgram"), syslogd = require("syslogd"), other = require("simple-syslog-server");
const messages = { "kern.emerg": 0, "user.debug": 15, "auth.alert": 33, "local7.debug": 191 };

// ask sends each message to the server and returns what it says of them.
async function ask(start, codes) {
  const socket = dgram.createSocket("udp4"), seen = [];
  let told;
  const port = await start((info) => told(codes(info)));
  for (const name in messages) {
    const answer = new Promise((resolve) => { told = resolve; });
    socket.send(`<${messages[name]}>Aug 24 05:34:00 host app: hello`, port, "127.0.0.1");
    seen.push(name + " " + (await answer));
  }
  socket.close();
  return seen.join(", ");
}

function startSyslogd(handler) {
  return new Promise((resolve, reject) => {
    const server = syslogd(handler);
    server.listen({ port: 0, address: "127.0.0.1" }, (error) => (error ? reject(error) : resolve(server.server.address().port)));
  });
}

async function startOther(handler) {
  const server = other.UDP();
  server.on("msg", handler);
  await server.listen({ host: "127.0.0.1", port: 0 });
  return server.server ? server.server.address().port : server.socket.address().port;
}

(async () => {
  console.log("syslogd: " + (await ask(startSyslogd, (i) => `${i.facility}/${i.severity}`)));
  console.log("simple-syslog-server: " + (await ask(startOther, (i) => `${i.facilityCode}/${i.severityCode}`)));
  process.exit(0);
})();
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'syslogd: kern.emerg 0/NaN, user.debug 7/1, auth.alert 1/4, local7.debug 7/23
simple-syslog-server: kern.emerg 0/0, user.debug 1/7, auth.alert 4/1, local7.debug 23/7' ]
