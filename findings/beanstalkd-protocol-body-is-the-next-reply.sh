#!/usr/bin/env bash
# beanstalkd-protocol: the body of a job comes again as a reply, and of two short replies the second is lost.
# Version: npm beanstalkd-protocol 1.0.1, Node.js 20
# Behaviour: parseReply returns a reply and, as its README says, the "remaining part of chunk", so that a caller with
# several requests on their way parses on. Behind a job that part begins with the body once more, since the place to cut
# is computed from the bytes and not from their number: the body is the next reply, and the caller is one reply behind
# from then on. And a reply without a space swallows all that is behind it: the part that remains is null, as if the reply
# had been alone, so that the request that waits for the next one waits for ever. A reply with an argument does not.
# Seen: a job and DELETED: RESERVED 7, hello (unknown), DELETED
#       DELETED and INSERTED 4: DELETED, INSERTED 4
#       DELETED and TOUCHED: DELETED
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts beanstalkd-protocol@1.0.1 >log 2>&1 || { cat log; exit 1; }
cat >run.js <<'JS'
const Protocol = require('beanstalkd-protocol').default;

function read(text) {
  const protocol = new Protocol(), got = [];
  let rest = Buffer.from(text), result;
  while (rest && rest.length) {
    [rest, result] = protocol.parseReply(rest);
    if (!result) break;
    const id = result.args.id === undefined ? '' : ' ' + result.args.id;
    got.push(result.reply + id + (result.unknown ? ' (unknown)' : ''));
  }
  return got.join(', ');
}

console.log('a job and DELETED: ' + read('RESERVED 7 5\r\nhello\r\nDELETED\r\n'));
console.log('DELETED and INSERTED 4: ' + read('DELETED\r\nINSERTED 4\r\n'));
console.log('DELETED and TOUCHED: ' + read('DELETED\r\nTOUCHED\r\n'));
JS
got=$(node --no-deprecation run.js)
echo "$got"
[ "$got" = 'a job and DELETED: RESERVED 7, hello (unknown), DELETED
DELETED and INSERTED 4: DELETED, INSERTED 4
DELETED and TOUCHED: DELETED' ]
