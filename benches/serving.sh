#!/usr/bin/env bash
# A feed from `loa serve` beside the same bytes from nginx as a static file: requests a second and CPU a request.
#
#   benches/serving.sh [ROUNDS] [SECONDS]      (5 and 4 when left out)
#
# Needs nginx, wrk and curl. Builds `loa`, unless LOA names one that is built. Everything is made in a folder of its
# own and removed again; only processes started here are stopped. The runs alternate, so that both servers meet the
# same machine; what is printed are medians.
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

# === the daemon, with 60 articles ===
if [ -n "${FILL:-}" ]; then "$FILL" "$dir/store" 60 450; else cargo bench --bench fill -- "$dir/store" 60 450; fi
ours=http://127.0.0.1:$(free_port)
"$LOA" serve --config benches/daemon.toml --set "web.listen=${ours#http://}" --set "store.path=$dir/store" >"$dir/loa.log" 2>&1 &
loa=$!
started+=("$loa")
await "$ours/feeds/quan1.rss"

# === nginx, with the same bytes ===
mkdir "$dir/feeds" "$dir/temporary"
curl -fs "$ours/feeds/quan1.rss" -o "$dir/feeds/quan1.rss"
curl -fs -H 'Accept-Encoding: gzip' "$ours/feeds/quan1.rss" -o "$dir/feeds/quan1.rss.gz"
theirs=http://127.0.0.1:$(free_port)
cat >"$dir/nginx.conf" <<NGINX
daemon off;
worker_processes 2;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
events { worker_connections 1024; }
http {
    types { application/rss+xml rss; }
    access_log off;
    client_body_temp_path $dir/temporary;
    proxy_temp_path $dir/temporary;
    fastcgi_temp_path $dir/temporary;
    uwsgi_temp_path $dir/temporary;
    scgi_temp_path $dir/temporary;
    sendfile on;
    tcp_nopush on;
    gzip_static on;
    open_file_cache max=100;
    open_file_cache_valid 60s;
    keepalive_requests 1000000000;
    server { listen ${theirs#http://}; root $dir; }
}
NGINX
nginx -c "$dir/nginx.conf" -e "$dir/nginx.log" &
nginx=$!
started+=("$nginx")
await "$theirs/feeds/quan1.rss"
cmp <(curl -fs "$ours/feeds/quan1.rss") <(curl -fs "$theirs/feeds/quan1.rss")

# CPU of processes so far, in clock ticks.
ticks() {
    local pid sum=0 fields
    for pid in "$@"; do
        read -r -a fields < <(sed 's/.*) //' "/proc/$pid/stat")
        sum=$((sum + fields[11] + fields[12]))
    done
    echo "$sum"
}

# One run: "requests-a-second microseconds-of-CPU-a-request".
run() {
    local name=$1 address=$2 header=$3 pids before after out
    if [ "$name" = loa ]; then pids=("$loa"); else mapfile -t pids < <(pgrep -P "$nginx"); fi
    before=$(ticks "${pids[@]}")
    out=$(wrk -t1 -c64 -d"${seconds}s" -H "$header" "$address/feeds/quan1.rss")
    after=$(ticks "${pids[@]}")
    if grep -qE 'Non-2xx|Socket errors' <<<"$out"; then
        echo "$out" >&2
        exit 1
    fi
    awk -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" '
        /requests in/ { n = $1 } /Requests\/sec/ { rate = $2 }
        END { printf "%.0f %.2f\n", rate, ticks / hertz * 1e6 / n }' <<<"$out"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

tag() { curl -fsI "$1/feeds/quan1.rss" | tr -d '\r' | sed -n 's/^etag: //Ip'; }

echo "$(date -u +%F), $(nproc) × $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), nginx $(nginx -v 2>&1 | sed 's/.*\///')," \
    "$(stat -c %s "$dir/feeds/quan1.rss") bytes, $(stat -c %s "$dir/feeds/quan1.rss.gz") gzipped;" \
    "medians of $rounds × $seconds s, wrk -t1 -c64"
printf '%-9s %10s %10s %7s %14s %14s\n' answer 'loa req/s' 'nginx' ratio 'loa µs CPU' 'nginx µs CPU'
for answer in identity gzip 304; do
    : >"$dir/loa.runs"
    : >"$dir/nginx.runs"
    for _ in $(seq "$rounds"); do
        for name in loa nginx; do
            [ "$name" = loa ] && address=$ours || address=$theirs
            case $answer in
                identity) header='Accept-Encoding: identity' ;;
                gzip) header='Accept-Encoding: gzip' ;;
                304) header="If-None-Match: $(tag "$address")" ;;
            esac
            run "$name" "$address" "$header" >>"$dir/$name.runs"
        done
    done
    column() { cut -d' ' -f"$2" "$dir/$1.runs" | median; }
    awk -v answer="$answer" -v a="$(column loa 1)" -v b="$(column nginx 1)" -v ca="$(column loa 2)" -v cb="$(column nginx 2)" \
        'BEGIN { printf "%-9s %10.0f %10.0f %7.2f %14.1f %14.1f\n", answer, a, b, a / b, ca, cb }'
done
