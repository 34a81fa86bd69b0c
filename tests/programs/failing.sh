#!/usr/bin/env bash
# Every write can fail: the n-th call of write, fsync, rename, mkdir or open fails as on a full disk, a disk that breaks or over a
# quota. Each program then says one sentence that names the file and the cause, ends with an exit code that is not 0, leaves nothing
# half-written, and goes on where it went on before. NADA_ALL=1 tries every n of every program, else twenty of five.
. "$(dirname "$0")/lib.sh" "$@"
shim=$programs/tests/failing_writes.so
whole() { python3 "$sources/tests/programs/whole.py" "$@"; }
causes=(ENOSPC EIO EDQUOT)
declare -A sentences=([ENOSPC]='No space left on device' [EIO]='Input/output error' [EDQUOT]='Disk quota exceeded')

# failing NAME N CAUSE PROGRAM ARGS...: PROGRAM writes to the folder NAME/out, and its N-th call fails.
failing() {
  local name=$1 n=$2 cause=$3 program=$4 code what
  shift 4
  rm -rf "$name" && mkdir "$name"
  what="$program, call $n fails with $cause"
  FAIL_UNDER=$work/$name/out FAIL_AT=$n FAIL_WITH=$cause LD_PRELOAD=$shim "$programs/$program" "$@" --threads 1 > "$name/out.txt" 2> "$name/err.txt"
  code=$?
  [ $code != 0 ] || fail "$what: exit code 0"
  [ "$(grep -c '^error: ' "$name/err.txt")" = 1 ] || fail "$what: expected one line 'error: ...', found: $(tail -3 "$name/err.txt")"
  grep -Eq "^error: cannot (write|make the folder) .*out.*: ${sentences[$cause]}\$" "$name/err.txt" ||
    fail "$what: the sentence is: $(grep error "$name/err.txt")"
  [ ! -e "$name/out" ] || whole "$name/out" > "$name/left.txt" || fail "$what: $(cat "$name/left.txt")"
}
# calls PROGRAM ARGS...: the calls of an unbroken run to unbroken/PROGRAM/out, one a line, in calls.txt.
calls() {
  local program=$1
  shift
  rm -f calls.txt
  mkdir -p "unbroken/$program"
  FAIL_UNDER=$work/unbroken/$program/out FAIL_LOG=$work/calls.txt LD_PRELOAD=$shim "$programs/$program" "$@" --threads 1 > out.txt 2> err.txt ||
    fail "exit code $? from $program: $(tail -1 err.txt)"
  [ -s calls.txt ] || fail "$program: no call was counted"
  whole "unbroken/$program/out" || fail "$program: the unbroken run left that"
}
# some COUNT: numbers of calls of calls.txt, spread evenly, the first and the last of each kind before others; all with NADA_ALL.
some() {
  if [ "${NADA_ALL:-0}" = 1 ]; then seq "$(wc -l < calls.txt)"; return; fi
  awk -v most="$1" '
    { if (!($1 in first)) { first[$1] = NR; order[++kinds] = $1 } last[$1] = NR }
    END {
      for (k = 1; k <= kinds; ++k) { take(first[order[k]]); take(last[order[k]]) }
      for (i = 1; n < most && i <= NR; ++i) take(int((i - 0.5) * NR / most) + 1)
    }
    function take(line) { if (n < most && line <= NR && !(line in taken)) { taken[line] = 1; ++n; print line } }' calls.txt
}
tried=0
# every COUNT PROGRAM ARGS...: ARGS hold OUT for the path to write.
every() {
  local count=$1 program=$2 n args before=$tried
  shift 2
  args=("${@/OUT/unbroken/$program/out}")
  calls "$program" "${args[@]}"
  for n in $(some "$count"); do
    failing "f-$program" "$n" "${causes[$((n % 3))]}" "$program" "${@/OUT/f-$program/out}"
    tried=$((tried + 1))
    ! type "after_$program" > /dev/null 2>&1 || "after_$program" "f-$program" "$n"
  done
  echo "$program: $((tried - before)) of $(wc -l < calls.txt) calls"
}

# A run goes on from its last state, to the same weights.
resumed=0
goes_on() {  # goes_on PROGRAM FOLDER N RESULT
  local out=$2/out
  [ -e "$out/state.safetensors" ] || return 0
  [ "${NADA_ALL:-0}" = 1 ] || [ $((resumed % 3)) = 0 ] || { resumed=$((resumed + 1)); return 0; }
  resumed=$((resumed + 1))
  "$programs/$1" --resume "$out" --threads 1 > out.txt 2> err.txt || fail "$1 --resume after call $3: $(tail -1 err.txt)"
  check "$1: the weights after call $3 are those of an unbroken run" same_data "unbroken/$1/out/$4" "$out/$4"
  whole "$out" || fail "$1: left after going on from call $3"
}
after_adapt() { goes_on adapt "$1" "$2" adapted.safetensors; }
after_pretrain_generator() { goes_on pretrain_generator "$1" "$2" generator.safetensors; }
after_pretrain_encoder() { goes_on pretrain_encoder "$1" "$2" encoder.safetensors; }

every 10 adapt --target "a zombie" --steps 3 --batch 1 --samples-every 1 --state-every 1 --out OUT
check "a run was continued" test $resumed -gt 0
every 3 generate --count 2 --single --out OUT
every 2 evaluate --generator "$avatars/generator.safetensors" --target "a zombie" --count 4 --out OUT/table
mkdir pictures
"$programs/generate" --count 4 --single --out pictures > /dev/null 2>&1
every 3 pretrain_generator --data pictures --held pictures --images 12 --channels 8,8,6,6,4 --discriminator-channels 4,6,8,8 --latents 8 \
  --styles 8 --mapping-layers 2 --batch 4 --log-every 4 --state-every 4 --samples-every 4 --frechet-samples 4 --out OUT
every 2 interpolate --frames 2 --keys 2 --out OUT
if [ "${NADA_ALL:-0}" = 1 ]; then
  for picture in pictures/*.png; do echo "a person" > "${picture%.png}.txt"; done
  every 0 pretrain_encoder --data pictures --held pictures --steps 3 --resolution 64 --batch 2 --log-every 1 --state-every 1 --out OUT
  every 0 optimize --target "a zombie" --steps 3 --out OUT
fi
check "twenty calls or more" test $tried -ge 20
finish
