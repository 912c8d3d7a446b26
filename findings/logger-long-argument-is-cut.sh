#!/usr/bin/env bash
# logger: a long message is cut when it is an argument, and split when it is standard input; both are a success.
# Version: Debian bsdutils 1:2.38.1-5+deb12u3 (logger of util-linux 2.38.1)
# Behaviour: --size is the largest message, 1 KiB by default. A line of 3,000 letters on standard input becomes three
# messages, with nothing lost. The same text as an argument becomes one of 1,024 letters: the rest is dropped without a
# word, and the status is 0. Over TCP with octet counting, where nothing limits a message, that is the same. And "the
# message-size limit limits the overall message size, including the syslog header", says the manual: it limits the text
# alone, so that with -S 1024 each message is larger than 1,024 bytes, and a receiver with that limit cuts it once more.
# Seen: (letters of each message)
#       argument: 1024, status 0, standard error empty
#       standard input: 1024 1024 952, status 0, standard error empty
#       argument, -S 1024: 1024, the message is larger than 1024 bytes
#       argument, -S 4096: 3000, status 0, standard error empty
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq bsdutils=1:2.38.1-5+deb12u3 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
cat >run.py <<'PY'
import re, socket, subprocess, threading

TEXT = "x" * 3000


def run(args, text=None):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)
    got = b""

    def read():
        nonlocal got
        conn, _ = listener.accept()
        while data := conn.recv(65536):
            got += data

    thread = threading.Thread(target=read)
    thread.start()
    port = str(listener.getsockname()[1])
    done = subprocess.run(["root/usr/bin/logger", "-T", "-n", "127.0.0.1", "-P", port, "--octet-count", "--rfc5424=notq", *args],
                          input=text, capture_output=True, text=True)
    thread.join()
    messages = []
    while got:
        size, _, got = got.partition(b" ")
        messages.append(got[:int(size)])
        got = got[int(size):]
    error = "empty" if done.stderr == "" else "not empty"
    return messages, f"status {done.returncode}, standard error {error}"


def letters(messages):
    return " ".join(str(len(re.search(rb"x*$", m)[0])) for m in messages)


messages, end = run([TEXT])
print(f"argument: {letters(messages)}, {end}")
messages, end = run([], TEXT + "\n")
print(f"standard input: {letters(messages)}, {end}")
messages, _ = run(["-S", "1024", TEXT])
print(f"argument, -S 1024: {letters(messages)}, the message is", "larger than" if len(messages[0]) > 1024 else "within", "1024 bytes")
messages, end = run(["-S", "4096", TEXT])
print(f"argument, -S 4096: {letters(messages)}, {end}")
PY
got=$(timeout 60 python3 run.py)
echo "$got"
[ "$got" = 'argument: 1024, status 0, standard error empty
standard input: 1024 1024 952, status 0, standard error empty
argument, -S 1024: 1024, the message is larger than 1024 bytes
argument, -S 4096: 3000, status 0, standard error empty' ]
