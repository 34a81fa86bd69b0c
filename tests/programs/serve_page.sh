#!/usr/bin/env bash
# The page of `serve` in a real browser: Debian's chromium without a window, driven by playwright-core.
. "$(dirname "$0")/lib.sh" "$@"

skip() {
  echo "SKIPPED: the page was not tried in a browser: $*"
  exit 0
}
command -v chromium > /dev/null || skip "there is no chromium"
command -v node > /dev/null || skip "there is no node"
modules=$sources/tests/page/node_modules
if [ ! -d "$modules/playwright-core" ] || [ ! -d "$modules/axe-core" ]; then
  command -v npm > /dev/null || skip "there is no npm"
  (cd "$sources/tests/page" && npm ci --no-audit --no-fund --fetch-retries=1 --fetch-timeout=60000) > npm.txt 2>&1 ||
    skip "playwright-core cannot be installed: $(grep -v '^$' npm.txt | head -1)"
fi

server=
trap 'kill "$server" 2> /dev/null; wait 2> /dev/null; rm -rf "$work"' EXIT
browse() {  # PART ARGS...: that part of page.mjs against a server with ARGS, which then ends well
  local part=$1 url=
  shift
  rm -f server.txt  # of an earlier server, whose address it names
  "$programs/serve" --port 0 --runs runs "$@" > server.txt 2> server_errors.txt &
  server=$!
  for _ in $(seq 600); do
    url=$(sed -n 's/^open  *//p' server.txt 2> /dev/null)
    [ -z "$url" ] && kill -0 "$server" 2> /dev/null || break
    sleep 0.1
  done
  [ -n "$url" ] || fail "the server did not start: $(cat server_errors.txt)"
  node "$sources/tests/page/page.mjs" "$url" "${NADA_SCREENSHOTS:-$work}" $part || fail "the page"
  kill -TERM "$server"
  wait "$server" || fail "the server ended with $?"
}
browse ''
for n in $(seq 24); do cp "$avatars/presets/zombie.safetensors" "runs/presets/look-$n.safetensors"; done  # more looks than one request takes
browse read-only --read-only --shared
port=$((20000 + RANDOM % 20000))
node "$sources/tests/page/page.mjs" "http://127.0.0.1:$port" "$work" kill "$programs/serve" || fail "the page through a kill"
finish
