#!/usr/bin/env bash
# Models by addresses of the Hugging Face Hub, from a server that answers as the Hub and its store of large files do.
. "$(dirname "$0")/lib.sh" "$@"
python3 "$sources/tests/programs/hub.py" "$programs" "$sources" "$work" || fail "the downloads"
finish
