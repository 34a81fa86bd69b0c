#!/usr/bin/env bash
# SIGTERM, SIGHUP (a terminal that closes) and a reader of the output that goes away: each leaves a complete run.
. "$(dirname "$0")/lib.sh" "$@"
run=(--target "a zombie" --batch 1 --samples-every 0 --state-every 1 --threads 1)

wait_for() { for _ in $(seq 1200); do [ -e "$1" ] && return; sleep 0.05; done; fail "$1 never came"; }
complete() {  # complete FOLDER: all files are there, whole, and the run goes on
  local file
  for file in options.cfg metrics.csv state.safetensors adapted.safetensors report.html; do check "$1 has $file" test -s "$1/$file"; done
  python3 "$sources/tests/programs/whole.py" "$1" || fail "$1: that is not whole"
}
for signal in TERM HUP; do
  "$programs/adapt" "${run[@]}" --steps 5000 --out "$signal" > "$signal.txt" 2> err.txt &
  pid=$!
  wait_for "$signal/state.safetensors"
  kill -$signal $pid
  wait $pid
  check "SIG$signal ends a run with 0" test $? = 0
  check "SIG$signal is told" grep -q '^stopped after [0-9]* of 5000 steps; continue with --resume' "$signal.txt"
  complete "$signal"
done
steps=$(($(grep -o 'stopped after [0-9]*' HUP.txt | grep -o '[0-9]*') + 1))
succeed adapt --resume HUP --steps $steps
check "it goes on" test "$(tail -1 HUP/metrics.csv | cut -d, -f1)" = $steps

# Under nohup a closed terminal is none of the run's business.
(trap '' HUP; exec "$programs/adapt" "${run[@]}" --steps 3 --out nohup > out.txt 2> err.txt) &
pid=$!
wait_for nohup/metrics.csv
kill -HUP $pid
wait $pid
check "an ignored SIGHUP is ignored" test "$(tail -1 nohup/metrics.csv | cut -d, -f1)" = 3
complete nohup

# Nobody reads the progress any more.
"$programs/adapt" "${run[@]}" --steps 3 --out pipe 2>&1 | head -c 1 > /dev/null
check "a closed pipe is no end" test "$(tail -1 pipe/metrics.csv | cut -d, -f1)" = 3
complete pipe
finish
