#!/usr/bin/env bash
# headers_alone.sh INCLUDE_FOLDER COMPILER [FLAG...]: whether every nada header compiles with nothing before it, in the
# header-only form (so the bodies that it includes too), two at a time. A header that needs LibTorch gets it from
# nada/core/tensor.hpp, which is compiled once: with that first, or with the header alone, the compiler sees the same.
set -u
folder=$1
shift
cd "$folder" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf -- "$work"' EXIT
echo '#include "nada/core/tensor.hpp"' > "$work/tensor.hpp"
"$@" -x c++-header "$work/tensor.hpp" -o "$work/tensor.hpp.gch" || { echo "does not compile alone: nada/core/tensor.hpp"; exit 1; }

# "user used" for each include of ours; then all that reach nada/core/tensor.hpp.
grep -rHoE '^#include "nada/[^"]+"' nada | sed -E 's/^([^:]+):#include "([^"]+)"/\1 \2/' > "$work/edges"
echo nada/core/tensor.hpp > "$work/with_torch"
while :; do
  awk 'NR == FNR { reached[$1] = 1; next } reached[$2] { print $1 }' "$work/with_torch" "$work/edges" |
    sort -u - "$work/with_torch" > "$work/more"
  cmp -s "$work/more" "$work/with_torch" && break
  mv "$work/more" "$work/with_torch"
done

check() {
  local header=$1 work=$2
  shift 2
  local first=()
  ! grep -qxF "$header" "$work/with_torch" || first=(-include "$work/tensor.hpp")
  echo "#include \"$header\"" | "$@" "${first[@]}" -x c++ -fsyntax-only - || { echo "does not compile alone: $header"; exit 1; }
}
export -f check
find nada -name '*.hpp' | sort | xargs -P 2 -I{} bash -c 'check "$@"' _ {} "$work" "$@" && echo "every header compiles alone"
