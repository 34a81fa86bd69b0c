#!/usr/bin/env bash
# Measures on this machine what docs/performance.md shows and puts the tables into the page; the sentences around them are
# written by hand.
#   docs/performance.sh [--benchmark_filter=...]
# NADA_PROGRAMS=FOLDER takes benchmarks that are built already.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT

run() {
  if [[ -n ${NADA_PROGRAMS-} ]]; then "$NADA_PROGRAMS/bench_$1" "${@:2}"; else ./quickstart bench "$@"; fi
}

for name in step parts; do
  run "$name" --benchmark_out="$folder/$name.json" "$@" >&2
done
if [[ -n ${NADA_PROGRAMS-} ]]; then compare=$NADA_PROGRAMS/bench_compare; else
  ./quickstart build bench_compare
  compare=${NADA_BUILD:-build}/benchmarks/bench_compare
fi
for name in step parts; do
  "$compare" --table "$folder/$name.json" > "$folder/$name.md"
  awk -v name="$name" -v file="$folder/$name.md" '
    $0 == "<!-- " name " -->" {print; while ((getline line < file) > 0) print line; skip = 1}
    $0 == "<!-- end of " name " -->" {skip = 0}
    !skip' docs/performance.md > docs/performance.md.tmp
  mv docs/performance.md.tmp docs/performance.md
done
