#!/usr/bin/env bash
# Feeds from `loa serve` beside the same bytes from nginx as static files: requests a second, CPU a request, and the
# time within which 99 of 100 are answered.
#
#   benches/serving.sh [ROUNDS] [SECONDS]      (5 and 4 when left out)
#
# Two feeds of 50 items, about 49 kB and 458 kB (SMALL and LARGE are the bytes of one article's body). Needs nginx, wrk
# and curl. Builds `loa` and the benches `fill` and `pull`, unless LOA, FILL and PULL name built ones. Everything is
# made in a folder of its own and removed again; only processes started here are stopped. The runs alternate, so that
# both servers meet the same machine; what is printed are medians.
set -euo pipefail

rounds=${1:-5}
seconds=${2:-4}
cd "$(dirname "$0")/.."

for tool in nginx wrk curl; do
    command -v "$tool" >/dev/null || { echo "serving.sh needs \`$tool\` on the PATH" >&2; exit 1; }
done
if [ -z "${LOA:-}" ]; then
    cargo build --release --bin loa
    LOA=${CARGO_TARGET_DIR:-target}/release/loa
fi
LOA=$(realpath "$LOA")
if [ -z "${PULL:-}" ]; then
    PULL=$(cargo bench --bench pull --no-run --message-format=json | sed -n 's/.*"name":"pull".*"executable":"\([^"]*\)".*/\1/p')
fi

dir=$(mktemp -d)
chmod 755 "$dir"
started=()
finish() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

# A port that nobody listens on.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# Waits until an address answers with 200.
await() {
    for _ in $(seq 300); do
        curl -fs -o /dev/null "$1" && return
        sleep 0.1
    done
    echo "nothing answers at $1" >&2
    exit 1
}

# CPU of processes so far, in clock ticks.
ticks() {
    local pid sum=0 fields
    for pid in "$@"; do
        read -r -a fields < <(sed 's/.*) //' "/proc/$pid/stat")
        sum=$((sum + fields[11] + fields[12]))
    done
    echo "$sum"
}

# Who asks: wrk, or the bench `pull`, which reads more at a time.
client=wrk

# One run: "requests-a-second microseconds-of-CPU-a-request milliseconds-of-p99".
run() {
    local name=$1 address=$2 header=$3 pids before after out
    if [ "$name" = loa ]; then pids=("$loa"); else mapfile -t pids < <(pgrep -P "$nginx"); fi
    before=$(ticks "${pids[@]}")
    if [ "$client" = pull ]; then
        out=$("$PULL" "${address#http://}" /feeds/quan1.rss "$seconds" "$header")
    else
        out=$(wrk -t1 -c64 -d"${seconds}s" --latency -H "$header" "$address/feeds/quan1.rss")
    fi
    after=$(ticks "${pids[@]}")
    if grep -qE 'Non-2xx|Socket errors' <<<"$out"; then
        echo "$out" >&2
        exit 1
    fi
    awk -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" '
        /requests in/ { n = $1 }
        /Requests\/sec/ { rate = $2 }
        $1 == "99%" { p99 = $2 + 0; if ($2 ~ /us$/) p99 /= 1000; else if ($2 !~ /ms$/) p99 *= 1000 }
        END { printf "%.0f %.2f %.3f\n", rate, ticks / hertz * 1e6 / n, p99 }' <<<"$out"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

tag() { curl -fsI "$1/feeds/quan1.rss" | tr -d '\r' | sed -n 's/^etag: //Ip'; }

# Fills a store with 60 articles of so many bytes, and starts both servers with the same feed.
start() {
    local here=$dir/$1
    mkdir "$here"
    if [ -n "${FILL:-}" ]; then "$FILL" "$here/store" 60 "$1"; else cargo bench --bench fill -- "$here/store" 60 "$1"; fi
    ours=http://127.0.0.1:$(free_port)
    "$LOA" serve --config benches/daemon.toml --set "web.listen=${ours#http://}" --set "store.path=$here/store" >"$here/loa.log" 2>&1 &
    loa=$!
    started+=("$loa")
    await "$ours/feeds/quan1.rss"
    mkdir "$here/feeds" "$here/temporary"
    curl -fs "$ours/feeds/quan1.rss" -o "$here/feeds/quan1.rss"
    curl -fs -H 'Accept-Encoding: gzip' "$ours/feeds/quan1.rss" -o "$here/feeds/quan1.rss.gz"
    theirs=http://127.0.0.1:$(free_port)
    cat >"$here/nginx.conf" <<NGINX
daemon off;
worker_processes 2;
pid $here/nginx.pid;
error_log $here/nginx.log;
events { worker_connections 1024; }
http {
    types { application/rss+xml rss; }
    access_log off;
    client_body_temp_path $here/temporary;
    proxy_temp_path $here/temporary;
    fastcgi_temp_path $here/temporary;
    uwsgi_temp_path $here/temporary;
    scgi_temp_path $here/temporary;
    sendfile on;
    tcp_nopush on;
    gzip_static on;
    open_file_cache max=100;
    open_file_cache_valid 60s;
    keepalive_requests 1000000000;
    server { listen ${theirs#http://}; root $here; }
}
NGINX
    chmod 755 "$here"
    nginx -c "$here/nginx.conf" -e "$here/nginx.log" &
    nginx=$!
    started+=("$nginx")
    await "$theirs/feeds/quan1.rss"
    cmp <(curl -fs "$ours/feeds/quan1.rss") <(curl -fs "$theirs/feeds/quan1.rss")
}

# Prints one line: both servers by turns, with a request header or, without one, with the tag of what they have.
compare() {
    local answer=$1 name address header
    : >"$dir/loa.runs"
    : >"$dir/nginx.runs"
    for _ in $(seq "$rounds"); do
        for name in loa nginx; do
            [ "$name" = loa ] && address=$ours || address=$theirs
            header=${2:-"If-None-Match: $(tag "$address")"}
            run "$name" "$address" "$header" >>"$dir/$name.runs"
        done
    done
    column() { cut -d' ' -f"$2" "$dir/$1.runs" | median; }
    awk -v answer="$answer" -v a="$(column loa 1)" -v b="$(column nginx 1)" -v ca="$(column loa 2)" -v cb="$(column nginx 2)" \
        -v pa="$(column loa 3)" -v pb="$(column nginx 3)" \
        'BEGIN { printf "| %s | %.0f | %.0f | %.2f | %.1f | %.1f | %.2f | %.2f | %.2f | %.2f |\n", answer, a, b, a / b, ca, cb, ca / cb, pa, pb, pa / pb }'
}

stop() {
    kill "$loa" "$nginx"
    wait "$loa" "$nginx" || true
    started=()
}

echo "$(date -u +%F), $(nproc) × $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), nginx $(nginx -v 2>&1 | sed 's/.*\///')," \
    "load $(cut -d' ' -f1 /proc/loadavg); medians of $rounds × $seconds s, wrk -t1 -c64, or as many by pull"
echo '| answer | loa req/s | nginx req/s | ratio | loa µs CPU | nginx µs CPU | ratio | loa p99 ms | nginx p99 ms | ratio |'
echo '|---|---|---|---|---|---|---|---|---|---|'
for body in "${SMALL:-280}" "${LARGE:-8600}"; do
    start "$body"
    size=$(stat -c %s "$dir/$body/feeds/quan1.rss")
    compare "$size bytes" 'Accept-Encoding: identity'
    client=pull compare "$size bytes, read 64 KiB at a time" 'Accept-Encoding: identity'
    compare "$(stat -c %s "$dir/$body/feeds/quan1.rss.gz") bytes, gzip of $size" 'Accept-Encoding: gzip'
    [ "$body" = "${LARGE:-8600}" ] || compare 304
    stop
done
