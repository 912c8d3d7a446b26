#!/usr/bin/env bash
# proxy-protocol-js: what follows the addresses in a PROXY v2 header becomes the first bytes of the client's data.
# Version: npm proxy-protocol-js 4.0.6, Node.js 20
# Behaviour: the length in the header counts the addresses and all TLVs behind them (PROXY protocol, section 2.2);
# HAProxy sends TLVs with proxy-v2-options, AWS load balancers for VPC endpoints. A receiver skips by that length what it
# does not know. parse() compares the length with that of the addresses, and then begins `data` behind the addresses:
# with a TLV of 14 bytes an HTTP request begins with these 14 bytes. Without a TLV, as in the README's examples, all is
# right. In version 1 "PROXY UNKNOWN" with nothing behind it, the short form of section 2.1, is refused.
# Seen: v2, no TLV: data "GET / HTTP/1.1\r\n"
#       v2, authority TLV: data "\u0002\u0000\u000bexample.comGET / HTTP/1.1\r\n"
#       v1, TCP4: data "GET / HTTP/1.1\r\n"
#       v1, UNKNOWN: V1ProxyProtocolParseError
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts proxy-protocol-js@4.0.6 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const { V1ProxyProtocol, V2ProxyProtocol } = require("proxy-protocol-js");
const request = "GET / HTTP/1.1\r\n";
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const addresses = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0xc7, 0x38, 0x01, 0xbb]);
const authority = Buffer.from("\x02\0\x0bexample.com", "latin1"); // PP2_TYPE_AUTHORITY

function v2(tlvs) {
  const length = addresses.length + tlvs.length;
  const header = Buffer.concat([signature, Buffer.from([0x21, 0x11, length >> 8, length & 255]), addresses, tlvs]);
  return Buffer.from(V2ProxyProtocol.parse(new Uint8Array(Buffer.concat([header, Buffer.from(request)]))).data).toString("latin1");
}

function show(name, parse) {
  try {
    console.log(name + ": data " + JSON.stringify(parse()));
  } catch (error) {
    console.log(name + ": " + error.constructor.name);
  }
}

show("v2, no TLV", () => v2(Buffer.alloc(0)));
show("v2, authority TLV", () => v2(authority));
show("v1, TCP4", () => V1ProxyProtocol.parse("PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n" + request).data);
show("v1, UNKNOWN", () => V1ProxyProtocol.parse("PROXY UNKNOWN\r\n" + request).data);
JS
got=$(node run.js)
echo "$got"
[ "$got" = 'v2, no TLV: data "GET / HTTP/1.1\r\n"
v2, authority TLV: data "\u0002\u0000\u000bexample.comGET / HTTP/1.1\r\n"
v1, TCP4: data "GET / HTTP/1.1\r\n"
v1, UNKNOWN: V1ProxyProtocolParseError' ]
