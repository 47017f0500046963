#!/usr/bin/env bash
# Start and memory of an idle daemon:
#
#   benches/daemon.sh [ARTICLES ...]           (1000 and 100000 when left out)
#
# For each number: fills a store, starts `loa serve`, and prints the time from the start of the process to the first
# served feed and to readiness (with the CPU taken until then), the time of the first look at /metrics, and the
# resident memory after a few requests and ten idle seconds. FILTER='"words"' adds a feed with that filter, and prints
# when it was served. The files are in the page cache (they were just written).
#
# Needs curl. Builds `loa`, unless LOA names one that is built. Everything is made in a folder of its own and removed
# again; only processes started here are stopped. STORES=FOLDER keeps the filled stores there, for a next time.
set -euo pipefail

cd "$(dirname "$0")/.."
command -v curl >/dev/null || { echo "daemon.sh needs \`curl\` on the PATH" >&2; exit 1; }
if [ -z "${LOA:-}" ]; then
    cargo build --release --bin loa
    LOA=${CARGO_TARGET_DIR:-target}/release/loa
fi
LOA=$(realpath "$LOA")

dir=$(mktemp -d)
stores=${STORES:-$dir}
loa=
finish() {
    if [ -n "$loa" ]; then kill "$loa" 2>/dev/null || true; wait "$loa" 2>/dev/null || true; fi
    rm -rf "$dir"
}
trap finish EXIT

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

now() { date +%s%3N; }

# Milliseconds since $1 until an address answers with 200.
await() {
    for _ in $(seq 60000); do
        if curl -fs -o /dev/null "$2"; then echo $(($(now) - $1)); return; fi
        kill -0 "$loa" || { cat "$dir/loa.log" >&2; exit 1; }
        sleep 0.005
    done
    echo "nothing answers at $2" >&2
    exit 1
}

# Milliseconds of CPU that the daemon took so far: what a busy machine does not change.
cpu() { sed 's/.*) //' "/proc/$loa/stat" | awk -v hertz="$(getconf CLK_TCK)" '{ print ($12 + $13) / hertz * 1000 }'; }

resident() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$loa/status"; }

echo "$(date -u +%F), $(nproc) × $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
[ $# -gt 0 ] || set -- 1000 100000
for n in "$@"; do
    store=$stores/$n
    if [ ! -d "$store" ]; then
        if [ -n "${FILL:-}" ]; then "$FILL" "$store" "$n"; else cargo bench --bench fill -- "$store" "$n"; fi
    fi
    address=http://127.0.0.1:$(free_port)
    cp benches/daemon.toml "$dir/loa.toml"
    if [ -n "${FILTER:-}" ]; then
        printf '[[feed]]\nid = "filtered"\ntitle = "Filtered"\nfilter = '"'%s'"'\n' "$FILTER" >>"$dir/loa.toml"
    fi
    began=$(now)
    "$LOA" serve --config "$dir/loa.toml" --set "web.listen=${address#http://}" --set "store.path=$store" >"$dir/loa.log" 2>&1 &
    loa=$!
    feed=$(await "$began" "$address/feeds/quan1.rss")
    [ -z "${FILTER:-}" ] || echo "$n articles: the filtered feed after $(await "$began" "$address/feeds/filtered.rss") ms"
    ready=$(await "$began" "$address/readyz")
    first=$(resident)
    cpu=$(cpu)
    asked=$(now)
    curl -fs -o /dev/null "$address/metrics"
    metrics=$(($(now) - asked))
    for path in feeds/quan1.rss feeds/quan1.atom feeds/quan1.json opml.xml feeds/quan1 '' readyz; do
        curl -fs -o /dev/null "$address/$path"
    done
    sleep 10
    echo "$n articles ($(du -sm "$store" | cut -f1) MB on disk): first feed after $feed ms, ready after $ready ms ($cpu ms of CPU)," \
        "/metrics in $metrics ms; resident $first MiB when ready, $(resident) MiB idle"
    kill "$loa"
    wait "$loa" || true
    loa=
done
