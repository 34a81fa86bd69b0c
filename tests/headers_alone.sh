#!/usr/bin/env bash
# headers_alone.sh INCLUDE_FOLDER COMPILER [FLAG...]: whether every nada header compiles with nothing before it, two at a time.
set -u
folder=$1
shift
cd "$folder" || exit 2
check() {
  header=$1
  shift
  echo "#include \"$header\"" | "$@" -x c++ -fsyntax-only - || { echo "does not compile alone: $header"; exit 1; }
}
export -f check
find nada -name '*.hpp' | sort | xargs -P 2 -I{} bash -c 'check "$@"' _ {} "$@" && echo "every header compiles alone"
