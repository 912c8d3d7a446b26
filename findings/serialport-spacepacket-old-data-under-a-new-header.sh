#!/usr/bin/env bash
# @serialport/parser-spacepacket: a packet that was never sent, with the header of the next one and the data of the last.
# Version: npm @serialport/parser-spacepacket 13.0.0, Node.js 20
# Behaviour: a CCSDS space packet is a header of six bytes, which tells the length, and its data. The parser keeps the
# data of the packet that it has just handed out where a read ends exactly behind the next packet's header. With the next
# read it takes the old data for the first of the new: it hands out the new header with the data of the old packet, and
# then the true packet of the same number. Of 29 places to cut three packets, these two do it; byte by byte all is right.
# Seen: (sequence number and data of each packet)
#       whole: 1 AAAA, 2 BBBB, 3 CCCC
#       cut behind byte 16: 1 AAAA, 2 AAAA, 2 BBBB, 3 CCCC
#       cut behind byte 26: 1 AAAA, 2 BBBB, 3 BBBB, 3 CCCC
#       byte by byte: 1 AAAA, 2 BBBB, 3 CCCC
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts @serialport/parser-spacepacket@13.0.0 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const { SpacePacketParser } = require('@serialport/parser-spacepacket');

function packet(number, text) {
  const header = Buffer.alloc(6);
  header.writeUInt16BE(7, 0); // version 1, telemetry, application process 7
  header.writeUInt16BE(0xc000 | number, 2); // unsegmented
  header.writeUInt16BE(text.length - 1, 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

function read(pieces) {
  return new Promise((resolve) => {
    const parser = new SpacePacketParser(), got = [];
    parser.on('data', (p) => p.header && got.push(p.header.sequenceControl.packetName + ' ' + p.data));
    parser.on('end', () => resolve(got.join(', ')));
    for (const piece of pieces) parser.write(piece);
    parser.end();
  });
}

(async () => {
  const stream = Buffer.concat([packet(1, 'AAAA'), packet(2, 'BBBB'), packet(3, 'CCCC')]);
  const whole = await read([stream]);
  console.log('whole: ' + whole);
  for (let at = 1; at < stream.length; at++) {
    const got = await read([stream.subarray(0, at), stream.subarray(at)]);
    if (got !== whole) console.log(`cut behind byte ${at}: ${got}`);
  }
  console.log('byte by byte: ' + (await read([...stream].map((b) => Buffer.from([b])))));
})();
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'whole: 1 AAAA, 2 BBBB, 3 CCCC
cut behind byte 16: 1 AAAA, 2 AAAA, 2 BBBB, 3 CCCC
cut behind byte 26: 1 AAAA, 2 BBBB, 3 BBBB, 3 CCCC
byte by byte: 1 AAAA, 2 BBBB, 3 CCCC' ]
