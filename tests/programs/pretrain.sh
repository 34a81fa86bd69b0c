#!/usr/bin/env bash
# The pre-training programs as a user runs them: on a folder of pictures and captions, killed, continued, measured.
. "$(dirname "$0")/lib.sh" "$@"

# Pictures of the embedded generator, one file each, with captions: even seeds and odd ones are told apart.
succeed generate --generator "$avatars/generator_64.safetensors" --count 24 --seed 5 --single --out pictures
echo "file,caption,group,side" > pictures/captions.csv
for i in $(seq 0 23); do
  printf '%06d.png,%s|%s,g%d,%s\n' "$i" "a cartoon portrait number $i" "a person $((i % 2))" $((i / 2)) "a person $((i % 2))"
done >> pictures/captions.csv

small="--channels 8,8,6,6,4 --discriminator-channels 4,6,8,8 --latents 8 --styles 8 --mapping-layers 2 --batch 4 --log-every 4
  --state-every 4 --samples-every 40 --frechet-samples 50 --threads 1"
# shellcheck disable=SC2086
succeed pretrain_generator --data pictures --held pictures --images 80 $small --out whole
# `auto` is settled once: the run says and saves what it took.
took=float32
grep -Eqw 'avx512_bf16|amx_bf16|bf16' /proc/cpuinfo && took=bfloat16
grep -q "^precision $took: this processor" out.txt || fail "the precision is not told: $(cat out.txt)"
grep -q "^precision = $took\$" whole/options.cfg || fail "the precision is not saved: $(grep precision whole/options.cfg)"
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
expect_error "expected auto, float32 or bfloat16" pretrain_generator --data pictures --precision float8 --out none
succeed pretrain_generator --evaluate whole/generator.safetensors --held pictures --data pictures --frechet-samples 24
grep -q 'Frechet distance of 24 samples to 24 held-out pictures: [0-9]' out.txt || fail "no distance: $(cat out.txt)"
grep -q 'of 24 real pictures: 0\.0000' out.txt || fail "pictures are not at distance 0 from themselves: $(cat out.txt)"

# A generator grows: its first pictures are those of the smaller one, and only new blocks learn at first.
# shellcheck disable=SC2086
succeed pretrain_generator --data pictures --start whole/generator.safetensors --grow 4 --grow-first 80 --images 8 --batch 4 \
  --discriminator-channels 4,6,8,8,8 --threads 1 --out grown
succeed inspect grown/generator.safetensors
check "it has twice the pixels" grep -q '128 px' out.txt
expect_error "expected a generator to grow" pretrain_generator --data pictures --grow 4 --out none
# shellcheck disable=SC2086
succeed pretrain_generator --data pictures --start whole/generator.safetensors --grow 4 --grow-hold 16 --images 8 --batch 4 \
  --discriminator-channels 4,6,8,8,8 --threads 1 --out held
check "blocks up to 16 px and the mapping stand still, all others learn" python3 - whole/generator.safetensors held/generator.safetensors <<'PYTHON'
import json, struct, sys
def tensors(path):
    data = open(path, 'rb').read()
    size = struct.unpack('<Q', data[:8])[0]
    head = json.loads(data[8:8 + size])
    head.pop('__metadata__', None)
    return {name: data[8 + size + at['data_offsets'][0]:8 + size + at['data_offsets'][1]] for name, at in head.items()}
before, after = tensors(sys.argv[1]), tensors(sys.argv[2])
still = [n for n in before if not n.startswith(('conv.', 'rgb.')) or int(n.split('.')[1]) <= 16]
moved = [n for n in before if n.endswith('weight') and n.startswith('conv.') and int(n.split('.')[1]) > 16]
assert len(still) > 10 and len(moved) > 3
assert all(before[n] == after[n] for n in still if n != 'mean_style'), [n for n in still if before[n] != after[n]]
assert all(before[n] != after[n] for n in moved), [n for n in moved if before[n] == after[n]]
PYTHON
expect_error "expected 0 or a block of .*, 4 to 64, found 24" pretrain_generator --data pictures --start whole/generator.safetensors --grow 4 --grow-hold 24 --out none
expect_error "expected a generator to grow" pretrain_generator --data pictures --grow 4 --grow-hold 8 --out none
expect_error "option grow-hold: expected new blocks" pretrain_generator --data pictures --grow-hold 8 --out none

# How often the classes of the tables' columns appear; the classifier is trained once and then read.
evaluate="--evaluate whole/generator.safetensors --held pictures --frechet-samples 24 --threads 1"
# shellcheck disable=SC2086
succeed pretrain_generator $evaluate --data pictures --coverage --classifier classifier.safetensors --classifier-steps 3
grep -q '^side: [0-2] of 2 classes' out.txt || fail "no shares of the column: $(cat out.txt)"
grep -Eq '^ +50.00% +[0-9.]+% +. a person 1$' out.txt || fail "half of the pictures show person 1: $(cat out.txt)"
grep -Eq '^coverage of 24 samples: [0-2] of 2 classes' out.txt || fail "no coverage: $(cat out.txt)"
check "the classifier was written" test -s classifier.safetensors
grep '%' out.txt > trained.txt
succeed inspect classifier.safetensors
check "inspect knows it" grep -q 'is an attribute classifier' out.txt
# shellcheck disable=SC2086
succeed pretrain_generator $evaluate --coverage --classifier classifier.safetensors
grep '%' out.txt | cmp -s - trained.txt || fail "the classifier says something else when it is read: $(cat out.txt)"
# shellcheck disable=SC2086
expect_error "needs the folder that an attribute classifier is trained on" pretrain_generator $evaluate --coverage
expect_error "expected an attribute classifier" pretrain_generator --evaluate whole/generator.safetensors --held pictures --frechet-samples 8 \
  --coverage --classifier whole/generator.safetensors
expect_error "--coverage needs a generator to measure" pretrain_generator --data pictures --coverage --out none
mkdir plain && cp pictures/00000[0-3].png plain
# shellcheck disable=SC2086
expect_error "no column of the pictures' tables tells them apart" pretrain_generator $evaluate --data plain --coverage

# Augmentation: the same weights after a kill, and p in the table; without it nothing in the state speaks of it.
augmented="$small --augment all --augment-turns --augment-start 0.3 --augment-images 200"
# shellcheck disable=SC2086
succeed pretrain_generator --data plain --images 80 $augmented --out whole_augmented
head -1 whole_augmented/metrics.csv | grep -q ',augmentation$' || fail "metrics.csv does not tell the augmentation"
grep -q 'augmentation.p' whole_augmented/state.safetensors || fail "the state does not keep the augmentation"
! grep -q 'augmentation' whole/state.safetensors || fail "a state without augmentation speaks of it"
# shellcheck disable=SC2086
kill_and_resume pretrain_generator killed_augmented generator.safetensors --data plain --images 80 $augmented
expect_error "expected none, all, or some of shift,geometry,colour" pretrain_generator --data plain --augment shift,color --out none
expect_error "target is 1.5, expected" pretrain_generator --data plain --augment all --augment-target 1.5 --out none
check "a refused run leaves no folder" test ! -e none

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
# A plain folder: captions in text files beside the pictures, each of which must have one.
mkdir texts
for i in $(seq 0 9); do
  cp "pictures/00000$i.png" "texts/$i.PNG"
  printf 'a cartoon portrait number %s\na person %s\n' "$i" "$((i % 2))" > "texts/$i.txt"
done
# shellcheck disable=SC2086
succeed pretrain_encoder --data texts --resolution 32 --steps 2 $small --out text_encoder
succeed inspect text_encoder/encoder.safetensors
grep -q 'resolution  *32 px' out.txt || fail "--resolution does nothing: $(cat out.txt)"
rm texts/3.txt
# shellcheck disable=SC2086
expect_error "texts/3.PNG: has no caption, expected a text file" pretrain_encoder --data texts --steps 2 $small --out none
printf 'file,text\n3.PNG,x\n' > texts/captions.csv
# shellcheck disable=SC2086
expect_error "texts/3.PNG: has no caption" pretrain_encoder --data texts --steps 2 $small --out none
printf 'name,caption\n3.PNG,x\n' > texts/captions.csv
expect_error "captions.csv: has no column \`file\`" pretrain_encoder --data texts --out none
printf 'file,caption\n3.PNG,"x\n' > texts/captions.csv
expect_error "captions.csv: a quote is opened and never closed" pretrain_encoder --data texts --out none
rm texts/captions.csv
head -c 300 pictures/000003.png > texts/3.PNG
expect_error "texts/3.PNG: is not a complete PNG" pretrain_generator --data texts --out none
# shellcheck disable=SC2086
expect_error "that 32 divides" pretrain_encoder --data pictures --resolution 40 --steps 2 $small --out none
check "a refused run leaves no folder" test ! -e none
expect_error "expected 0 <= radius-from <= radius-after <= 1" pretrain_encoder --data pictures --radius 1 --radius-from 0.5 --out none
# shellcheck disable=SC2086
expect_error "option mix-weight is -1, expected 0 or more" pretrain_encoder --data pictures --steps 2 $small --mix-weight -1 --out none
# shellcheck disable=SC2086
expect_error "option augmentation is 2, expected 0 to 1" pretrain_encoder --data pictures --steps 2 $small --augmentation 2 --out none
# The adversarial changes begin after the share of the steps that was asked for.
# shellcheck disable=SC2086
succeed pretrain_encoder --data pictures --steps 10 ${small/--log-every 2/--log-every 1} --radius-from 0.4 --radius-after 0.8 --out late_encoder
column=$(head -1 late_encoder/metrics.csv | tr , '\n' | grep -n '^radius$' | cut -d: -f1)
radii=$(tail -n +2 late_encoder/metrics.csv | cut -d, -f"$column" | tr '\n' ' ')
[ "$radii" = "0 0 0 0 0 0.25 0.5 0.75 1 1 " ] || fail "radii of a late rise: $radii"
# Stages are what a run is whose option file was changed in between: the same weights, whole and after a kill.
# shellcheck disable=SC2086
succeed pretrain_encoder --data pictures --steps 4 $small --column-weight 0 --out edited_encoder
sed -i 's/^steps = .*/steps = 10/; s/^radius = .*/radius = 0.5/; s/^mix-weight = .*/mix-weight = 1/; s/^lr = .*/lr = 0.002/; s/^column-weight = .*/column-weight = 2/; s/^augmentation = .*/augmentation = 0.5/' \
  edited_encoder/options.cfg
succeed pretrain_encoder --resume edited_encoder
stages=(--column-weight 0 --stage "0 steps=4" --stage "4 steps=10 radius=0.5 mix-weight=1 lr=0.002 column-weight=2 augmentation=0.5")
# shellcheck disable=SC2086
succeed pretrain_encoder --data pictures --steps 10 $small --held pictures "${stages[@]}" --out whole_stages
check "stages are an edited run" cmp edited_encoder/state.safetensors whole_stages/state.safetensors
# shellcheck disable=SC2086
kill_and_resume pretrain_encoder killed_stages encoder.safetensors --data pictures --held pictures --steps 10 $small "${stages[@]}"
# shellcheck disable=SC2086
expect_error "is nothing that changes" pretrain_encoder --data pictures --steps 10 $small --stage "4 batch=3" --out none
# shellcheck disable=SC2086
expect_error "the learning rate is 0 before step 10" pretrain_encoder --data pictures --steps 10 $small --stage "0 steps=4" --out none
# The embedded encoders' recipes are schedules that fit: what is refused is the folder, which is looked at later.
for name in rn vit held; do
  expect_error "no such folder" pretrain_encoder --config "$avatars/encoder_$name.cfg" --data nowhere --out none
  # shellcheck disable=SC2086
  expect_error "the learning rate is 0 before" pretrain_encoder --config "$avatars/encoder_$name.cfg" --steps 30000 --data nowhere --out none
done
check "a refused run leaves no folder" test ! -e none
# Pictures changed in a part have a term of their own.
mix_term() { awk -F, 'NR == 1 {for (i = 1; i <= NF; ++i) at[$i] = i} END {print $at["mix_term"]}' "$1/metrics.csv"; }
# shellcheck disable=SC2086
succeed pretrain_encoder --data pictures --steps 2 $small --mix-weight 1 --out mixed_encoder
[ "$(mix_term whole_encoder)" = 0 ] || fail "a mix term without a weight: $(mix_term whole_encoder)"
awk -v term="$(mix_term mixed_encoder)" 'BEGIN {exit !(term > 0.1)}' || fail "no mix term: $(mix_term mixed_encoder)"
expect_error "expected residual or transformer" pretrain_encoder --data pictures --tower mixer --out none
succeed pretrain_encoder --evaluate "$avatars/encoder_held.safetensors" --held pictures
grep -q 'side ' out.txt || fail "no zero-shot accuracy: $(cat out.txt)"
# The result is an encoder like any other, and tells words that it never read.
succeed adapt --encoder whole_encoder/encoder.safetensors --generator "$avatars/generator_64.safetensors" --source "a cartoon portrait" \
  --target "a person 1" --steps 1 --batch 2 --out adapted

# A head learns steps from pairs; killed at any moment, it goes on to the same numbers. `adapt` moves by it.
mkdir pairs && cp pictures/0000*.png pairs
{
  echo "file,caption,group,style"
  for i in $(seq 0 23); do
    printf '%06d.png,%s,g%d,%s\n' "$i" "$([ $((i % 2)) = 0 ] && echo 'a cartoon portrait' || echo 'a zombie')" $((i / 2)) \
      "$([ $((i % 2)) = 0 ] && echo 'a cartoon portrait' || echo 'a zombie')"
  done
} > pairs/captions.csv
head="--data pairs --held pairs --steps 8 --batch 4 --width 8 --blocks 1 --state-every 2 --log-every 2 --threads 1"
mkdir heads && cd heads || exit 1
# shellcheck disable=SC2086
succeed pretrain_steps --encoder "$avatars/encoder_rn.safetensors" ${head//pairs/..\/pairs} --out whole
check "the head is told what it explains" grep -Eq '^a zombie +1\.000 ' out.txt
# shellcheck disable=SC2086
kill_and_resume pretrain_steps killed encoder.safetensors --encoder "$avatars/encoder_rn.safetensors" ${head//pairs/..\/pairs}
succeed pretrain_steps --evaluate whole/encoder.safetensors --held ../pairs
succeed adapt --target "a zombie" --encoder whole/encoder.safetensors --config "$avatars/models.cfg" --directional 0 --learned 1 --steps 1 \
  --samples-every 0 --out zombie
check "adapt has the term" grep -q '^step,loss,learned' zombie/metrics.csv
expect_error "no encoder|every term of the objective has weight 0" adapt --target "a zombie" --encoder "$avatars/encoder_vit.safetensors" \
  --config "$avatars/models.cfg" --directional 0 --learned 1 --steps 1 --out none
# A head goes on from another, with a level more.
succeed pretrain_steps --encoder "$avatars/encoder_rn.safetensors" ${head//pairs/..\/pairs} --start whole/encoder.safetensors --pixels --out pixels
check "the level of pixels is measured, too" test "$(grep -Ec ' -?[0-9.]+ +-?[0-9.]+ +-?[0-9.]+ +-?[0-9.]+$' out.txt)" -ge 1
succeed inspect pixels/encoder.safetensors
check "inspect names it" grep -q "step head  *2 levels and pixels" out.txt
succeed adapt --target "a zombie" --encoder pixels/encoder.safetensors --config "$avatars/models.cfg" --directional 0 --learned 1 --steps 1 \
  --batch 2 --out zombie_pixels
expect_error "its step head has step_head.block.0.0.bias .8., expected .12." pretrain_steps --encoder "$avatars/encoder_rn.safetensors" ${head//pairs/..\/pairs} \
  --start whole/encoder.safetensors --width 12 --out none
expect_error "its step head has step_head.level.1" pretrain_steps --encoder "$avatars/encoder_rn.safetensors" ${head//pairs/..\/pairs} \
  --start whole/encoder.safetensors --levels 1 --out none
expect_error "option levels: expected -1 or a number from 0 to 2, found 3" pretrain_steps ${head//pairs/..\/pairs} --levels 3 --out none
expect_error "holds no step head" pretrain_steps ${head//pairs/..\/pairs} --start "$avatars/encoder_vit.safetensors" --out none
expect_error "has no dense features" pretrain_steps --encoder "$avatars/encoder_vit.safetensors" --data ../pairs --out none
expect_error "holds no step head" pretrain_steps --evaluate "$avatars/encoder_held.safetensors" --held ../pairs
expect_error "option without: no pair moves to .a zombi. in the column style" pretrain_steps --data ../pairs --without "a zombi" --out none
succeed convert whole/encoder.safetensors openai.safetensors --names openai
check "a head stays out of other programs' files, which is said" sh -c "grep -q 'without the .* tensors of its step head' out.txt && ! grep -aq step_head openai.safetensors"
expect_error "no pairs to learn steps from" pretrain_steps --data ../plain --out none
cd .. || exit 1

# An inverter learns to take pictures to a generator's styles; killed at any moment, it goes on to the same weights.
small="--generator ../whole/generator.safetensors --data ../pictures --held ../pictures --steps 6 --batch 4 --channels 8,8,8,8 --lateral 4 --hidden 16
  --passes 2 --state-every 2 --log-every 2 --evaluate-every 3 --evaluate-pictures 6 --domain-samples 12 --threads 1"
mkdir inverters && cd inverters || exit 1
# shellcheck disable=SC2086
succeed pretrain_inverter $small --out whole
for file in options.cfg metrics.csv state.safetensors inverter.safetensors samples/000000006.png; do
  check "pretrain_inverter wrote $file" test -s "whole/$file"
done
no_temporaries whole
# shellcheck disable=SC2086
kill_and_resume pretrain_inverter killed inverter.safetensors $small
succeed inspect whole/inverter.safetensors
check "inspect knows it" grep -q 'is an inverter of a generator' out.txt
succeed pretrain_inverter --evaluate whole/inverter.safetensors --generator ../whole/generator.safetensors --held ../pictures \
  --evaluate-pictures 3 --refine 2 --search 2
check "measured beside the mean style, a refinement and a search" test "$(grep -Ec '^(mean style|inverter|inverter, 2 steps|search, 2 steps)  +[0-9]' out.txt)" = 4
succeed invert ../pictures/000000.png --generator ../whole/generator.safetensors --inverter whole/inverter.safetensors --samples 12 --out inverted
check "it is used where it is named" grep -q '^method = inverter' inverted/options.cfg
expect_error "belongs to another generator" invert ../pictures/000000.png --inverter whole/inverter.safetensors --out none
expect_error "expected an inverter" invert ../pictures/000000.png --inverter ../whole/generator.safetensors --out none
# shellcheck disable=SC2086
expect_error "a style encoder of 6 levels begins at 128 px, which the pictures' 64 px" pretrain_inverter ${small/8,8,8,8/8,8,8,8,8,8} --out none
expect_error "no pictures were given" pretrain_inverter --out none
check "a refused run leaves no folder" test ! -e none
cd .. || exit 1

finish
