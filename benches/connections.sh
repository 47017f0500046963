#!/usr/bin/env bash
# Connections that do nothing, and readers that read a byte a second:
#
#   benches/connections.sh [IDLE] [SLOW]       (10000 and 200 when left out)
#
# Prints the daemon's resident memory before and while IDLE connections stay open after one answer each, by what they
# asked for; then how fast others are answered (wrk) without and with SLOW readers of a feed of about 458 kB, and when
# those were dropped. Needs wrk, curl and python3, and file descriptors (`ulimit -n`) for twice IDLE. Builds `loa` and
# the bench `fill`, unless LOA and FILL name built ones. Everything is made in a folder of its own and removed again;
# only processes started here are stopped.
set -euo pipefail

idle=${1:-10000}
slow=${2:-200}
cd "$(dirname "$0")/.."

for tool in wrk curl python3; do
    command -v "$tool" >/dev/null || { echo "connections.sh needs \`$tool\` on the PATH" >&2; exit 1; }
done
ulimit -n $((idle + 1000)) || { echo "raise the limit of open files (\`ulimit -Hn\`) above $((idle + 1000))" >&2; exit 1; }
if [ -z "${LOA:-}" ]; then
    cargo build --release --bin loa
    LOA=${CARGO_TARGET_DIR:-target}/release/loa
fi
LOA=$(realpath "$LOA")

dir=$(mktemp -d)
loa=
clients=
finish() {
    for pid in $clients $loa; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

port=$((20000 + RANDOM % 10000))
if [ -n "${FILL:-}" ]; then "$FILL" "$dir/store" 60 8600; else cargo bench --bench fill -- "$dir/store" 60 8600; fi

start() {
    "$LOA" serve --config benches/daemon.toml --set "web.listen=127.0.0.1:$port" --set "store.path=$dir/store" \
        --set web.max_connections=$((idle + 500)) >"$dir/loa.log" 2>&1 &
    loa=$!
    for _ in $(seq 300); do
        curl -fs -o /dev/null "http://127.0.0.1:$port/feeds/quan1.rss" && break
        sleep 0.1
    done
    curl -fs -o /dev/null -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/feeds/quan1.rss"
}

stop() {
    kill "$loa"
    wait "$loa" || true
    loa=
}

resident() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$loa/status"; }

# Opens connections, each with one answer, and says so; keeps them until its standard input ends.
cat >"$dir/idle.py" <<'PYTHON'
import socket, sys
port, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n".encode()
opened = []
for _ in range(count):
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += stream.recv(65536)
    head, body = answer.split(b"\r\n\r\n", 1)
    length = next(int(l.split(b":")[1]) for l in head.lower().split(b"\r\n") if l.startswith(b"content-length:"))
    while len(body) < length:
        body += stream.recv(65536)
    opened.append(stream)
print("open", flush=True)
sys.stdin.read()
PYTHON

# Asks for a whole feed and reads a byte a second; says when the daemon had enough.
cat >"$dir/slow.py" <<'PYTHON'
import selectors, socket, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
request = b"GET /feeds/quan1.rss HTTP/1.1\r\nHost: x\r\n\r\n" * 8
streams, begun, ends = [], time.monotonic(), []
for _ in range(count):
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.connect(("127.0.0.1", port))
    stream.sendall(request)
    streams.append(stream)
print("open", flush=True)

def closed(stream):
    # State of the connection (linux/tcp.h): anything but ESTABLISHED means that the other side has closed or reset it.
    return stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1

while streams and time.monotonic() - begun < 180:
    time.sleep(1)
    for stream in list(streams):
        try:
            stream.recv(1)
            gone = closed(stream)
        except OSError:
            gone = True
        if gone:
            streams.remove(stream)
            ends.append(time.monotonic() - begun)
if ends:
    print(f"{len(ends)} of {count} were dropped, the first after {ends[0]:.0f} s and the last after {ends[-1]:.0f} s", flush=True)
else:
    print(f"none of {count} was dropped within 180 s", flush=True)
PYTHON

# Runs a script with its arguments until it says "open"; its words go to $dir/words.
open_all() {
    mkfifo "$dir/end.$1"
    exec 9<>"$dir/end.$1"
    : >"$dir/words"
    python3 "$dir/$1.py" "${@:2}" <"$dir/end.$1" >"$dir/words" &
    clients=$!
    while ! grep -q open "$dir/words"; do
        kill -0 "$clients" 2>/dev/null || { echo "the clients failed" >&2; exit 1; }
        sleep 0.1
    done
    rm "$dir/end.$1"
}

echo "$(date -u +%F), $(nproc) × $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
for path in /feeds/quan1.rss /healthz; do
    start
    before=$(resident)
    open_all idle "$port" "$idle" "$path"
    echo "$idle idle connections after GET $path: resident $before MiB before, $(resident) MiB with them;" \
        "$(find "/proc/$loa/fd" -mindepth 1 | wc -l) descriptors open"
    kill "$clients"
    wait "$clients" 2>/dev/null || true
    clients=
    stop
done

measure() {
    wrk -t1 -c64 -d5s --latency -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/feeds/quan1.rss" |
        awk -v what="$1" '$1 == "50%" { p50 = $2 } $1 == "99%" { p99 = $2 } /Requests\/sec/ { rate = $2 }
            END { printf "%s: %.0f requests a second, p50 %s, p99 %s\n", what, rate, p50, p99 }'
}
start
measure 'without slow readers'
open_all slow "$port" "$slow"
measure "with $slow slow readers"
echo "resident $(resident) MiB with them"
wait "$clients" || true
clients=
tail -n 1 "$dir/words"
measure 'after them'
stop
