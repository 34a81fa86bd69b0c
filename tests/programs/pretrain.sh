#!/usr/bin/env bash
# The pre-training programs as a user runs them: on a folder of pictures and captions, killed, continued, measured.
. "$(dirname "$0")/lib.sh" "$@"

# Pictures of the embedded generator, one file each, with captions: even seeds and odd ones are told apart.
succeed generate --count 24 --seed 5 --single --out pictures
echo "file,caption,group,side" > pictures/captions.csv
for i in $(seq 0 23); do
  printf '%06d.png,%s|%s,g%d,%s\n' "$i" "a cartoon portrait number $i" "a person $((i % 2))" $((i / 2)) "a person $((i % 2))"
done >> pictures/captions.csv

small="--channels 8,8,6,6,4 --discriminator-channels 4,6,8,8 --latents 8 --styles 8 --mapping-layers 2 --batch 4 --log-every 4
  --state-every 4 --samples-every 40 --frechet-samples 50 --threads 1"
# shellcheck disable=SC2086
succeed pretrain_generator --data pictures --held pictures --images 80 $small --out whole
for file in options.cfg metrics.csv state.safetensors generator.safetensors samples/000000080.png; do
  check "pretrain_generator wrote $file" test -s "whole/$file"
done
no_temporaries whole
grep -q ',[0-9.]*,[0-9.]*$' whole/metrics.csv || fail "metrics.csv has no Frechet distance"
succeed inspect whole/generator.safetensors
succeed generate --generator whole/generator.safetensors --count 4 --out made.png

# Killed at any moment, it goes on to the same weights.
kill_and_resume() {  # PROGRAM FOLDER STATE RESULT ARGS...: starts, kills once there is a state, resumes
  local program=$1 folder=$2 result=$3
  shift 3
  "$programs/$program" "$@" --out "$folder" > /dev/null 2>&1 &
  local pid=$!
  for _ in $(seq 1 600); do
    [ -e "$folder/state.safetensors" ] && break
    sleep 0.1
  done
  kill -9 "$pid"
  wait "$pid" 2> /dev/null
  check "$program saved a state before it was killed" test -e "$folder/state.safetensors"
  succeed "$program" --resume "$folder" --threads 1
  cmp -s "$folder/$result" "whole${folder#killed}/$result" || fail "$program: a killed run ends with other weights"
}
mean_of() { tail -1 "$1" | cut -d, -f1-7; }
# shellcheck disable=SC2086
kill_and_resume pretrain_generator killed generator.safetensors --data pictures --held pictures --images 80 $small
[ "$(mean_of killed/metrics.csv)" = "$(mean_of whole/metrics.csv)" ] || fail "a killed run has other metrics"
expect_error "is not empty" pretrain_generator --data pictures --out whole
expect_error "cannot be changed" pretrain_generator --resume whole --batch 8
expect_error "no pictures were given" pretrain_generator --out none
expect_error "no such folder" pretrain_generator --data nowhere --out none
expect_error "needs 4 numbers of channels" pretrain_generator --data pictures --discriminator-channels 4,6,8 --out none
expect_error "expected float32 or bfloat16" pretrain_generator --data pictures --precision float8 --out none
succeed pretrain_generator --evaluate whole/generator.safetensors --held pictures --data pictures --frechet-samples 24
grep -q 'Frechet distance of 24 samples to 24 held-out pictures: [0-9]' out.txt || fail "no distance: $(cat out.txt)"
grep -q 'of 24 real pictures: 0\.0000' out.txt || fail "pictures are not at distance 0 from themselves: $(cat out.txt)"

small="--width 8 --embedding 16 --text-width 64 --text-layers 1 --merge-count 50 --batch 8 --log-every 2
  --state-every 2 --radius 1 --threads 1"
# shellcheck disable=SC2086
succeed pretrain_encoder --data pictures --held pictures --steps 10 $small --out whole_encoder
for file in options.cfg metrics.csv evaluation.csv merges.txt state.safetensors encoder.safetensors; do
  check "pretrain_encoder wrote $file" test -s "whole_encoder/$file"
done
no_temporaries whole_encoder
head -1 whole_encoder/evaluation.csv | grep -q '^step,retrieval,direction,side$' || fail "columns of evaluation.csv"
# shellcheck disable=SC2086
kill_and_resume pretrain_encoder killed_encoder encoder.safetensors --data pictures --held pictures --steps 10 $small
expect_error "no pictures were given" pretrain_encoder --out none
expect_error "expected residual or transformer" pretrain_encoder --data pictures --tower mixer --out none
succeed pretrain_encoder --evaluate "$avatars/encoder_held.safetensors" --held pictures
grep -q 'side ' out.txt || fail "no zero-shot accuracy: $(cat out.txt)"
# The result is an encoder like any other, and tells words that it never read.
succeed adapt --encoder whole_encoder/encoder.safetensors --generator "$avatars/generator.safetensors" --source "a cartoon portrait" \
  --target "a person 1" --steps 1 --batch 2 --out adapted
finish
