#!/usr/bin/env bash
# headers_alone.sh INCLUDE_FOLDER COMPILER [FLAG...]: whether every nada header compiles with nothing before it, two at a
# time. A header that needs LibTorch gets it from nada/core/tensor.hpp, which is compiled once: with that first, or with
# the header alone, the compiler sees the same. Headers are checked without their bodies (.ipp); the bodies of a folder
# are checked in one go, in the reverse of the order in which the library has them. With NADA_ALL=1 each header is
# checked with its bodies instead, as a user of the header-only form includes it, which takes three times as long.
set -u
folder=$1
shift
cd "$folder" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf -- "$work"' EXIT
compiler=("$@")
form=(-DNADA_COMPILED)
[ "${NADA_ALL:-0}" != 1 ] || form=()
echo '#include "nada/core/tensor.hpp"' > "$work/tensor.hpp"
"${compiler[@]}" "${form[@]}" -x c++-header "$work/tensor.hpp" -o "$work/tensor.hpp.gch" || { echo "does not compile alone: nada/core/tensor.hpp"; exit 1; }

# "user used" for each include of ours; then all that reach nada/core/tensor.hpp.
grep -rHoE '^#include "nada/[^"]+"' nada | sed -E 's/^([^:]+):#include "([^"]+)"/\1 \2/' > "$work/edges"
echo nada/core/tensor.hpp > "$work/with_torch"
while :; do
  awk 'NR == FNR { reached[$1] = 1; next } reached[$2] { print $1 }' "$work/with_torch" "$work/edges" |
    sort -u - "$work/with_torch" > "$work/more"
  cmp -s "$work/more" "$work/with_torch" && break
  mv "$work/more" "$work/with_torch"
done

check() {  # check WHAT WORK FLAG...: WHAT is a header, or a folder whose bodies are checked
  local what=$1 work=$2 first=()
  shift 2
  if [[ $what == *.hpp ]]; then
    ! grep -qxF "$what" "$work/with_torch" || first=(-include "$work/tensor.hpp")
    echo "#include \"$what\""
  else
    ! grep -q "^$what/.*\.ipp$" "$work/with_torch" || first=(-include "$work/tensor.hpp")
    find "$what" -name '*.ipp' | sort -r | sed 's/.*/#include "&"/'
  fi > "$work/$BASHPID.cpp"
  "$@" "${first[@]}" -Winvalid-pch -fsyntax-only "$work/$BASHPID.cpp" || { echo "does not compile alone: $what"; exit 1; }
}
export -f check
{
  [ "${#form[@]}" = 0 ] || find nada -name '*.ipp' | cut -d/ -f1-2 | sort -u  # the longest first
  find nada -name '*.hpp' | sort
} | xargs -P 2 -I{} bash -c 'check "$@"' _ {} "$work" "${compiler[@]}" "${form[@]}" && echo "every header compiles alone"
