#!/usr/bin/env bash
# kill -9 at random moments, again and again: what goes on afterwards ends with the same numbers as without, and leaves no temporary.
# Ten kills each of both pre-trainings, an ablation and a sweep; training.sh has ten of adapt. NADA_ALL=1: 200 each, with adapt.
#     kills.sh PROGRAMS SOURCES [KILLS]
. "$(dirname "$0")/lib.sh" "$@"
kills=${3:-$([ "${NADA_ALL:-0}" = 1 ] && echo 200 || echo 10)}
RANDOM=${NADA_SEED:-1}

# killed NAME SECONDS PROGRAM ARGS...: starts PROGRAM with --out NAME-0, NAME-1, ..., kills it and all that it started after a random part
# of the time that the unbroken run took, and starts it again where it was, until there were enough kills; then it may come to its end.
start=()
arguments_for() {  # arguments_for OUT ARGS...: of the next start in OUT, in start
  local out=$1
  shift
  start=("$@" --out "$out")
  if [ -e "$out/state.safetensors" ]; then start=(--resume "$out" --threads 1); fi
  [ -e "$out/state.safetensors" ] || [ -d "$out/cells" ] || rm -rf "$out"  # killed before there was anything to go on from
}
killed() {
  local name=$1 seconds=$2 program=$3 n=0 count=0 pid
  shift 3
  while [ $count -lt "$kills" ]; do
    arguments_for "$name-$n" "$@"
    setsid "$programs/$program" "${start[@]}" > "$name.txt" 2>&1 &
    pid=$!
    sleep "$(awk "BEGIN {printf \"%.3f\", 0.1 + $seconds * $RANDOM / 32768}")"
    kill -9 -- -$pid 2> /dev/null && count=$((count + 1))
    if wait $pid 2> /dev/null; then n=$((n + 1)); fi  # it had ended by itself
  done
  arguments_for "$name-$n" "$@"
  "$programs/$program" "${start[@]}" > "$name.txt" 2>&1 || fail "$name: $(tail -2 "$name.txt")"
  echo "$name: $count kills, $((n + 1)) runs"
}
seconds_of() {  # seconds_of PROGRAM ARGS...: of the unbroken run, which must succeed
  local start end
  start=$(date +%s.%N)
  "$programs/$1" "${@:2}" > out.txt 2> err.txt || fail "exit code $? from $*: $(tail -3 err.txt)"
  end=$(date +%s.%N)
  awk "BEGIN {print $end - $start}"
}
numbers() { cut -d, -f1-"$2" "$1" | awk -F, '!($1 in seen) { seen[$1] = 1; print }'; }
same_runs() {  # same_runs NAME RESULT COLUMNS: the weights, and the columns of the numbers
  local out
  for out in "$1"-*; do
    [ -d "$out" ] || continue
    same_data "$1/$2" "$out/$2" || fail "$out: other weights than the unbroken run"
    # A run that is killed while it measures at its end has no row of that: the first row of a step counts.
    cmp -s <(numbers "$1/metrics.csv" "$3") <(numbers "$out/metrics.csv" "$3") || fail "$out: other numbers"
    no_temporaries "$out"
  done
}
same_cells() {
  local out
  for out in "$1"-*; do
    [ -d "$out" ] || continue
    cmp -s <(cut -d, -f1-3,7- "$1/cells.csv") <(cut -d, -f1-3,7- "$out/cells.csv") || fail "$out: other numbers than the unbroken run"
    no_temporaries "$out"
  done
}

succeed generate --generator "$avatars/generator_64.safetensors" --count 12 --seed 5 --single --out pictures
{
  echo "file,caption,group,side"
  for i in $(seq 0 11); do printf '%06d.png,a cartoon portrait number %d,g%d,a person %d\n' "$i" "$i" $((i / 2)) $((i % 2)); done
} > pictures/captions.csv

generator=(--data pictures --held pictures --images 48 --channels 8,8,6,6,4 --discriminator-channels 4,6,8,8 --latents 8 --styles 8
  --mapping-layers 2 --batch 4 --log-every 4 --state-every 4 --samples-every 40 --frechet-samples 12 --threads 1)
seconds=$(seconds_of pretrain_generator "${generator[@]}" --out pretrain_generator)
killed pretrain_generator "$seconds" pretrain_generator "${generator[@]}"
same_runs pretrain_generator generator.safetensors 7

encoder=(--data pictures --held pictures --steps 8 --width 8 --embedding 16 --text-width 64 --text-layers 1 --merge-count 50 --batch 8
  --log-every 2 --state-every 2 --radius 1 --threads 1)
seconds=$(seconds_of pretrain_encoder "${encoder[@]}" --out pretrain_encoder)
killed pretrain_encoder "$seconds" pretrain_encoder "${encoder[@]}"
same_runs pretrain_encoder encoder.safetensors 2

ablation=(--quick --only top-6,random-6 --jobs 1)
seconds=$(seconds_of ablate_layers "${ablation[@]}" --out ablate_layers)
killed ablate_layers "$seconds" ablate_layers "${ablation[@]}"
same_cells ablate_layers

printf '%s\n' 'steps = 1' 'batch = 2' 'count = 20' 'targets = sketch' 'seeds = 1' 'lr = 0.001 | 0.004' > rates.cfg
seconds=$(seconds_of sweep rates.cfg --jobs 1 --out sweep)
killed sweep "$seconds" sweep rates.cfg --jobs 1
same_cells sweep

if [ "${NADA_ALL:-0}" = 1 ]; then
  run=(--target "a zombie" --steps 8 --batch 1 --samples-every 2 --state-every 1 --threads 1)
  seconds=$(seconds_of adapt "${run[@]}" --out adapt)
  killed adapt "$seconds" adapt "${run[@]}"
  same_runs adapt adapted.safetensors 5
fi
finish
