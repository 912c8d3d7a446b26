#!/usr/bin/env bash
# sip (npm): of an IPv6 address in Via the first group is the host, and the branch is lost from the answer too.
# Version: npm sip 0.0.6, Node.js 20
# Behaviour: the sender of a request may stand in Via as an IPv6 address in brackets (RFC 3261, section 25.1).
# sip reads up to the first colon: the host is "[2001", what stands behind it is the port if it has only digits, and the
# parameters are not read. A server copies Via into its answer, and this is what it copies: without the branch, by which
# the client finds its request again (section 17.1.3), and with an address that is none. No error is raised. parseUri
# gives undefined for a URI with such an address.
# Seen: 192.0.2.1:5060: Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1
#       [2001:db8::1]:5060: Via: SIP/2.0/TCP [2001
#       [2001:470::1]: Via: SIP/2.0/TCP [2001:470
#       sip:bob@192.0.2.1: 192.0.2.1; sip:bob@[2001:db8::1]: undefined
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts sip@0.0.6 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const sip = require('sip');

function answer(address) {
  let via;
  const read = sip.makeStreamParser((request) => {
    via = sip.stringify(sip.makeResponse(request, 200, 'OK')).split('\r\n').find((line) => line.startsWith('Via:'));
  });
  read(['OPTIONS sip:bob@example.com SIP/2.0', `Via: SIP/2.0/TCP ${address};branch=z9hG4bK1`,
    'To: <sip:bob@example.com>', 'From: <sip:ann@example.com>;tag=1', 'Call-ID: 1@example.com', 'CSeq: 1 OPTIONS',
    'Max-Forwards: 70', 'Content-Length: 0', '', ''].join('\r\n'));
  return address + ': ' + via;
}

const host = (uri) => `${uri}: ${(sip.parseUri(uri) || {}).host}`;

for (const address of ['192.0.2.1:5060', '[2001:db8::1]:5060', '[2001:470::1]']) console.log(answer(address));
console.log(host('sip:bob@192.0.2.1') + '; ' + host('sip:bob@[2001:db8::1]'));
JS
got=$(node --no-deprecation run.js)
echo "$got"
[ "$got" = '192.0.2.1:5060: Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1
[2001:db8::1]:5060: Via: SIP/2.0/TCP [2001
[2001:470::1]: Via: SIP/2.0/TCP [2001:470
sip:bob@192.0.2.1: 192.0.2.1; sip:bob@[2001:db8::1]: undefined' ]
