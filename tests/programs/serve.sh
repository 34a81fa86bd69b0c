#!/usr/bin/env bash
# The server as a client meets it: generating, adapting, stylising, and some two hundred requests that are wrong.
# serve.sh PROGRAMS SOURCES soak: the crowd alone, for 20 s, NADA_SOAK_SECONDS, or with NADA_ALL=1 half an hour.
. "$(dirname "$0")/lib.sh" "$@"

start() {  # ARGS...: a server on a free port; sets $server and $url
  rm -f server.txt  # of an earlier server, whose address it names
  "$programs/serve" --port 0 --runs "${runs:-runs}" "$@" > server.txt 2> server_errors.txt &
  server=$!
  for _ in $(seq 600); do
    url=$(sed -n 's/^open  *//p' server.txt 2> /dev/null)
    [ -z "$url" ] || return 0
    kill -0 "$server" 2> /dev/null || break
    sleep 0.1
  done
  fail "the server did not start: $(cat server_errors.txt)"
  finish
}
end() {  # SIGTERM; within 30 s
  kill -TERM "$server"
  wait "$server" || fail "the server ended with $? at SIGTERM: $(tail -3 server_errors.txt)"
}
trap 'kill "$server" 2> /dev/null; wait 2> /dev/null; rm -rf "$work"' EXIT
client() { python3 "$sources/tests/programs/serve.py" "$url" "$sources" "$@" || fail "the client's part: $*"; }

soak() {
  local seconds=20
  [ "${NADA_ALL:-0}" != 1 ] || seconds=1800
  client soak "${NADA_SOAK_SECONDS:-$seconds}" 20 "$server"
}
if [ "${3:-}" = soak ]; then
  start --quiet --client-requests 100000 --client-connections 1000 --client-upload 10000  # the crowd has one address
  soak
  end
  finish
  exit
fi

start
client api
# what the options of a run say is how it was found
read -r refined searched look < found.txt
for run in "$refined" "$searched"; do
  succeed stylize --config "runs/$run/options.cfg" --preset "$look" --out "again-$run"
  check "$run is repeated by its options" same_data "runs/$run/codes.safetensors" "again-$run/codes.safetensors"
done
client bad
client strange
soak
client begin  # a run that the signal meets
end
check "a run that was stopped leaves its delta" test -s "runs/$(cat begun.txt)/adapted.safetensors"
check "and its report" test -s "runs/$(cat begun.txt)/report.html"
check "no log is left" test ! -e runs/.serve/log

client plant
start --read-only --shared
client again
client read-only
end
start --quota 1M
client full
end
mkdir -p configs/avatars
ln -s "$avatars"/* configs/avatars/
ln -s "$sources/configs/recipes" configs/recipes
rm configs/avatars/inverter.safetensors
python3 -c 'import re, sys
data = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(re.sub(rb"(\"nada.base_sha256\": *\")[0-9a-f]{64}", lambda found: found[1] + b"0" * 64, data, count=1))' \
  "$avatars/inverter.safetensors" configs/avatars/inverter.safetensors
runs=foreign NADA_CONFIGS=$PWD/configs start
client foreign
check "an inverter of another generator is told, once" test "$(grep -c 'belongs to another generator; pictures are searched for' server_errors.txt)" = 1
end
echo 'open sesame' > password.txt
runs=others start --trusted-proxy 127.0.0.1 --name studio.example --password-file password.txt --client-requests 2 --client-jobs 1
client proxy
end
no_temporaries runs
expect_error 'option port' serve --port 99999
expect_error 'option quota' serve --port 0 --quota 20X
expect_error 'option trusted-proxy' serve --port 0 --trusted-proxy proxy.example
printf '\n' > empty.txt
expect_error 'is empty' serve --port 0 --password-file empty.txt
expect_error 'cannot make the folder' serve --port 0 --runs "$sources/README.md"
finish
