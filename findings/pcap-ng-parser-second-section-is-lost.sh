#!/usr/bin/env bash
# pcap-ng-parser (npm): of two captures in one file the second is lost, or is said to be of the first one's interface.
# Version: npm pcap-ng-parser 1.0.0, Node.js 20
# Behaviour: a pcapng file may have several sections, each with a byte order and interfaces of its own (section 4.1 of the
# specification), so `cat a b` of two captures is a valid file. Where the second machine has the other byte order, all of
# its packets are dropped without an error. Where the order is the same they come, but their interface 0 is looked up in a
# list that begins with the first section: a packet of raw IP is said to be Ethernet. The name of an interface has the
# bytes of the next options at its end, for the length of an option is taken times 8. tshark 4.0.17-0+deb12u3 reads all
# three files as they were written.
# Seen: (link type and data of each packet; 1 is Ethernet, 101 raw IP)
#       one: 1 "one", interface 0 "eth0\t\u0001\u0006("
#       same: 1 "one", 1 "two", interface 0 "eth0\t\u0001\u0006("
#       other: 1 "one", interface 0 "eth0\t\u0001\u0006("
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts pcap-ng-parser@1.0.0 >log 2>&1 || { cat log; exit 1; }
cat >write.py <<'PY'
import struct

def section(order, link, text):
    "One section with one interface, which has a name and microseconds, and one packet."
    def pack(form, *values):
        return struct.pack(order + form, *values)
    def block(kind, body):
        return pack("II", kind, len(body) + 12) + body + pack("I", len(body) + 12)
    options = pack("HH4s", 2, 4, b"eth0") + pack("HHB3x", 9, 1, 6) + pack("HH", 0, 0)
    data = text.ljust(16)
    return (block(0x0A0D0D0A, pack("IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, pack("HHI", link, 0, 65535) + options)
            + block(6, pack("IIIII", 0, 0, 0, len(data), len(data)) + data))

first = section("<", 1, b"one")
open("one", "wb").write(first)
open("same", "wb").write(first + section("<", 101, b"two"))
open("other", "wb").write(first + section(">", 101, b"two"))
PY
cat >run.js <<'JS'
const fs = require("fs"), Parser = require("pcap-ng-parser");

function read(file) {
  return new Promise((resolve) => {
    const parser = new Parser(), packets = [];
    parser.on("error", (error) => resolve("error " + error.message));
    parser.on("data", (p) => packets.push(parser.interfaces[p.interfaceId].linkType + " " + JSON.stringify(String(p.data).trim())));
    parser.on("close", () => resolve([packets.join(", "), parser.interfaces[0].name]));
    fs.createReadStream(file).pipe(parser);
  });
}

(async () => {
  for (const file of process.argv.slice(2)) {
    const [packets, name] = await read(file);
    console.log(file + ": " + packets + ", interface 0 " + JSON.stringify(name));
  }
})();
JS
python3 write.py
got=$(node run.js one same other)
echo "$got"
[ "$got" = 'one: 1 "one", interface 0 "eth0\t\u0001\u0006("
same: 1 "one", 1 "two", interface 0 "eth0\t\u0001\u0006("
other: 1 "one", interface 0 "eth0\t\u0001\u0006("' ]
