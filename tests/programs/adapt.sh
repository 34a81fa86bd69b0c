#!/usr/bin/env bash
# What a user gets from adapt: a run folder with everything in it, which --config repeats and --resume continues bit for bit.
. "$(dirname "$0")/lib.sh" "$@"
target="a zombie"
short=(--target "$target" --steps 12 --batch 2 --samples-every 5 --state-every 5)

# --dry-run says what would run and writes nothing
succeed adapt "${short[@]}" --dry-run
check "dry run names the options" grep -q 'target  *a zombie' out.txt
check "dry run marks layers that train" grep -q '\* conv\.' out.txt
check "dry run tells the scores of the nine convolutions, of which the highest train" awk '/ convolution / { n++; score = $NF + 0 }
  / convolution / && $1 == "*" { if (!low || score < low) low = score }
  / convolution / && $1 != "*" { if (score > high) high = score }
  END { exit !(n == 9 && low > 0 && low >= high) }' out.txt
check "dry run counts parameters" grep -Eq '[0-9]+ of 944768 train' out.txt
succeed adapt "${short[@]}" --layers all --dry-run
check "dry run tells no scores where none chose" sh -c "! grep -Eq 'score|e-[0-9]+$' out.txt"
[ -z "$(ls -A | grep -v -e out.txt -e err.txt)" ] || fail "dry run wrote something: $(ls)"

# the run folder
succeed adapt "${short[@]}"
run=runs/a-zombie-1
for file in options.cfg metrics.csv adapted.safetensors state.safetensors report.html samples/000000.png samples/000005.png \
  samples/000010.png samples/000012.png deltas/000005.safetensors deltas/000010.safetensors; do
  [ -s $run/$file ] || fail "$file is missing"
done
no_temporaries $run
check "prints where the picture is" grep -q "$run/samples/000012.png" out.txt
check "the columns of metrics.csv" test "$(head -1 $run/metrics.csv)" = "step,loss,directional,global,range,seconds"
check "a line a step in metrics.csv" test "$(wc -l < $run/metrics.csv)" = 13
check "the loss falls" awk -F, 'NR == 2 {first = $2} END {exit !($2 < first)}' $run/metrics.csv
check "the report needs no other file" sh -c "! grep -Eq '(src|href)=\"https?:' $run/report.html"
check "the report shows pictures" grep -q 'data:image/png;base64' $run/report.html
succeed inspect $run/adapted.safetensors
check "inspect tells a delta" grep -q 'a delta of an adapted generator' out.txt
succeed generate --generator $run/adapted.safetensors --count 3 --out grid.png
check "the options are in the picture" grep -aq 'nada:options' grid.png

# options.cfg repeats it, from another folder too; a second run gets another name
mkdir elsewhere
(cd elsewhere && "$programs/adapt" --config ../$run/options.cfg > out.txt 2> err.txt) || fail "--config: $(cat elsewhere/err.txt)"
check "--config repeats the run" same_data $run/adapted.safetensors elsewhere/runs/a-zombie-1/adapted.safetensors
check "... and its pictures" same_pixels $run/samples/000012.png elsewhere/runs/a-zombie-1/samples/000012.png
succeed adapt --target "$target" --steps 1 --batch 2 --layers all
check "the next free name" test -s runs/a-zombie-2/report.html

# resuming a finished run says so and changes nothing
before=$(find $run -type f -exec sha256sum {} + | sort)
succeed adapt --resume $run
check "says that it is finished" grep -q 'is finished: 12 of 12 steps' out.txt
check "changes nothing" test "$before" = "$(find $run -type f -exec sha256sum {} + | sort)"

# kill -9 at any moment, then --resume: the same tensors as without
for delay in 0 0.05 0.1 0.2 0.4; do
  out=killed-$delay
  "$programs/adapt" "${short[@]}" --state-every 2 --out $out > /dev/null 2>&1 &
  pid=$!
  for _ in $(seq 600); do [ -e $out/state.safetensors ] && break; sleep 0.05; done
  sleep $delay
  kill -9 $pid 2> /dev/null
  wait $pid 2> /dev/null
  [ ! -e $out/report.html ] || continue # it was faster
  touch $out/.state.safetensors.$pid.tmp # as a kill in the middle of a write leaves it
  succeed adapt --resume $out
  check "killed $delay s after a state: the same tensors" same_data $run/adapted.safetensors $out/adapted.safetensors
  check "killed $delay s after a state: the same losses" cmp <(cut -d, -f1-5 $run/metrics.csv) <(cut -d, -f1-5 $out/metrics.csv)
  check "killed $delay s after a state: the same picture" same_pixels $run/samples/000012.png $out/samples/000012.png
  no_temporaries $out
  resumed=yes
done
[ -n "${resumed:-}" ] || fail "every run ended before it could be killed"
"$programs/adapt" "${short[@]}" --out killed-early > /dev/null 2>&1 &
pid=$!
for _ in $(seq 600); do [ -e killed-early/options.cfg ] && break; sleep 0.02; done
kill -9 $pid 2> /dev/null
wait $pid 2> /dev/null
expect_error 'nothing to resume' adapt --resume killed-early

# Ctrl-C stops after the step and leaves a complete run folder
"$programs/adapt" "${short[@]}" --steps 500 --state-every 2 --out stopped > out.txt 2> err.txt &
pid=$!
for _ in $(seq 100); do [ -e stopped/state.safetensors ] && break; sleep 0.1; done
kill -INT $pid
wait $pid || fail "Ctrl-C: exit code $?: $(tail -2 err.txt)"
check "says how to go on" grep -q 'continue with --resume stopped' out.txt
for file in metrics.csv adapted.safetensors state.safetensors report.html; do [ -s stopped/$file ] || fail "stopped: $file is missing"; done
check "one run a folder" grep -q . stopped/options.cfg

# more steps for a finished run are the steps of a longer one
succeed adapt --resume $run --steps 14
succeed adapt "${short[@]}" --steps 14 --out longer
check "12 + 2 steps are 14" same_data $run/adapted.safetensors longer/adapted.safetensors

# every composition that the options name runs
for parts in "--layers all" "--layers adaptive:3 --select-every 1" "--layers conv.16.0,rgb.64,mapping.3,const" "--views plain" "--exit 64" \
  "--noise none" "--pixels 1 --directional 0 --global 0" "--mixing 0.5" "--batch 1" \
  "--layers random:4 --select-every 5" "--parameterization low-rank-3 --layers all" \
  "--term within=0.5 --term patches=0.2,size=32,count=1 --term manifold=1,encoder=1"; do
  # shellcheck disable=SC2086
  succeed adapt --target "$target" --steps 2 --batch 2 --samples-every 0 --out "parts $parts" $parts
done
check "further terms are columns" test "$(head -1 "parts $parts/metrics.csv")" = "step,loss,directional,global,range,within,patches,manifold,seconds"
check "a delta keeps its parameterization's name" grep -aq '"nada.parameterization":"low-rank-3"' "parts --parameterization low-rank-3 --layers all/adapted.safetensors"
succeed generate --generator "parts --parameterization low-rank-3 --layers all/adapted.safetensors" --count 2 --out low_rank.png
finish
