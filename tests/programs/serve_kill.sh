#!/usr/bin/env bash
# The server killed at random moments of training, searching and queueing: nothing that was promised is lost.
. "$(dirname "$0")/lib.sh" "$@"
kills=10
[ "${NADA_ALL:-0}" != 1 ] || kills=200
python3 "$sources/tests/programs/serve_kill.py" "$programs/serve" "${NADA_KILLS:-$kills}" || fail "the kills"
no_temporaries runs/.serve
finish
