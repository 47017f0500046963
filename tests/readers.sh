#!/usr/bin/env bash
# Points real feed readers at a running daemon and compares what they read with what its API says.
#
# `loa demo` first, while its portal publishes and edits; then the same store under `loa serve`, whose source does not
# answer any more: nothing changes, so a second fetch has to be a 304 in every reader that can ask for one.
#
# Installs what it needs where it can (Debian packages as root, the others in a temporary folder) and says what it
# skips. LOA=path takes another binary than a debug build of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() { printf 'skipped: %s\n' "$*"; }

command -v python3 >/dev/null || { skip "every reader (there is no python3)"; exit 0; }
if [ -z "${LOA:-}" ]; then
  cargo build --locked
  LOA="${CARGO_TARGET_DIR:-target}/debug/loa"
fi

scratch=$(mktemp -d)
checking=
cleanup() {
  if [ -n "$checking" ]; then
    kill "$checking" 2>/dev/null || true
    wait "$checking" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Debian packages: command and package.
missing=()
for pair in newsboat:newsboat sfeed_update:sfeed r2e:rss2email curl:curl; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt=(timeout 90 apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=15)
    "${apt[@]}" update >"$scratch/apt.log" 2>&1 || skip "apt-get update failed: $(tail -n 1 "$scratch/apt.log")"
    for package in "${missing[@]}"; do
      DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends "$package" \
        >"$scratch/apt.log" 2>&1 || skip "$package cannot be installed: $(tail -n 1 "$scratch/apt.log")"
    done
  else
    skip "${missing[*]} (not installed, and only root installs packages with apt-get)"
  fi
fi

# PyPI, in an environment of its own.
if ! { python3 -m venv "$scratch/venv" &&
  timeout 60 "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --retries 0 feedparser; } \
  >"$scratch/pip.log" 2>&1; then
  skip "feedparser cannot be installed: $(tail -n 1 "$scratch/pip.log")"
fi

# What checks recordings: their form is that of web archives (docs/recording.md).
if ! { [ -x "$scratch/venv/bin/pip" ] &&
  timeout 60 "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --retries 0 warcio; } \
  >"$scratch/pip.log" 2>&1; then
  skip "warcio cannot be installed: $(tail -n 1 "$scratch/pip.log")"
fi

# npm, in a folder of its own.
mkdir "$scratch/npm"
if ! command -v npm >/dev/null; then
  skip "rss-parser and @extractus/feed-extractor (there is no npm)"
elif ! (cd "$scratch/npm" && timeout 90 npm install --silent --no-audit --no-fund --no-save --fetch-retries=0 \
  rss-parser @extractus/feed-extractor) >"$scratch/npm.log" 2>&1; then
  skip "rss-parser and @extractus/feed-extractor cannot be installed: $(tail -n 1 "$scratch/npm.log")"
fi

python3 tests/readers/check.py "$LOA" "$scratch" &
checking=$!
status=0
wait "$checking" || status=$?
checking=
exit "$status"
