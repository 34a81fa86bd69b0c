#!/usr/bin/env bash
# How adapt trains: optimizers, schedules, batches in parts, the running mean, the best delta; and that kill -9 costs no bit of them.
. "$(dirname "$0")/lib.sh" "$@"
short=(--target "a zombie" --steps 16 --batch 2 --samples-every 0 --state-every 1)
all=("${short[@]}" --lr-schedule warmup:3,cosine:0.1 --schedule global=0=0,8=1 --optimizer adafactor --momentum 0.5 --clip-norm 1
  --micro-batch 1 --ema 4 --best text_score --best-every 3)

# --dry-run --step takes one step and writes nothing
succeed adapt "${all[@]}" --dry-run --step
check "the losses of one step" grep -Eq '^  directional 1' out.txt
check "its seconds" grep -Eq '^  seconds [0-9.]+' out.txt
[ -z "$(ls -A | grep -v -e out.txt -e err.txt)" ] || fail "dry run wrote something: $(ls)"

# errors, each one sentence before anything is loaded or written
expect_error 'option optimizer: expected adam, adamw, sgd or adafactor' adapt "${short[@]}" --optimizer lion --out none
expect_error 'option weight-decay: --optimizer adam has none' adapt "${short[@]}" --weight-decay 0.1 --out none
expect_error 'option lr-schedule: expected constant, warmup:STEPS' adapt "${short[@]}" --lr-schedule step:3 --out none
expect_error 'option schedule: expected TERM=SCHEDULE' adapt "${short[@]}" --schedule global --out none
expect_error 'there is a schedule for the term tokens, but no term' adapt "${short[@]}" --schedule tokens=warmup:3 --out none
expect_error 'the term within is no mean over samples' adapt "${short[@]}" --micro-batch 1 --term within=1 --out none
expect_error 'option best: expected one of text_score, .*, found .score.' adapt "${short[@]}" --best score --out none
expect_error 'option best: .*, found .psnr. .metrics that need real pictures' adapt "${short[@]}" --best psnr --out none
expect_error '--step needs --dry-run' adapt "${short[@]}" --step --out none
[ ! -e none ] || fail "an option that was refused left a folder"

# the unbroken run
succeed adapt "${all[@]}" --out whole
check "the metric is a column" test "$(head -1 whole/metrics.csv)" = "step,loss,directional,global,range,learned,text_score,seconds"
check "... every three steps" test "$(cut -d, -f7 whole/metrics.csv | grep -c '[0-9]')" = 5
best=$(awk -F, 'NR > 1 && $7 != "" && (!n++ || $7 > value) { value = $7; step = $1 } END { print step }' whole/metrics.csv)
check "the best step is in best.safetensors" grep -aq "\"nada.best_step\":\"$best\"" whole/best.safetensors
succeed adapt --config "$avatars/small.cfg" "${short[@]}" --steps 4 --optimizer sgd --lr 0.05 --momentum 0.9 --weight-decay 0.001 --out sgd
check "sgd moves the loss" awk -F, 'NR == 2 {first = $2} END {exit !($2 < first)}' sgd/metrics.csv

# ten kills at random moments: each run goes on from where it was killed
kills=0 n=0
while [ $kills -lt 10 ] && [ $n -lt 12 ]; do
  out=killed-$n
  if [ ! -e $out/state.safetensors ]; then start=("${all[@]}" --out $out); rm -rf "$out"; else start=(--resume $out); fi
  before=$(stat -c %y $out/state.safetensors 2> /dev/null)
  "$programs/adapt" "${start[@]}" > /dev/null 2>&1 &
  pid=$!
  for _ in $(seq 2400); do
    [ "$(stat -c %y $out/state.safetensors 2> /dev/null)" != "$before" ] && break
    kill -0 $pid 2> /dev/null || break
    sleep 0.05
  done
  sleep "0.0$((RANDOM % 10))"
  kill -9 $pid 2> /dev/null && kills=$((kills + 1))
  wait $pid 2> /dev/null
  if [ -e $out/report.html ]; then n=$((n + 1)); fi
done
check "ten kills" test $kills = 10
for out in killed-*; do
  [ -e $out/report.html ] || succeed adapt --resume $out
  check "$out: the same running mean" same_data whole/adapted.safetensors $out/adapted.safetensors
  check "$out: the same best" same_data whole/best.safetensors $out/best.safetensors
  check "$out: the same state" same_data whole/state.safetensors $out/state.safetensors
  check "$out: the same numbers" cmp <(cut -d, -f1-7 whole/metrics.csv) <(cut -d, -f1-7 $out/metrics.csv)
  check "$out: of the same step" grep -aq "\"nada.best_step\":\"$best\"" $out/best.safetensors
  no_temporaries $out
done

finish
