#!/usr/bin/env bash
# What a user gets from adapt: a run folder with everything in it, which --config repeats and --resume continues bit for bit.
. "$(dirname "$0")/lib.sh" "$@"
target="a zombie"
short=(--target "$target" --steps 12 --batch 2 --samples-every 5 --state-every 5)

# --dry-run says what would run and writes nothing
succeed adapt "${short[@]}" --dry-run
check "dry run names the options" grep -q 'target  *a zombie' out.txt
check "dry run marks layers that train" grep -q '\* conv\.' out.txt
check "dry run tells the scores of the eleven convolutions, of which the highest train" awk '/ convolution / { n++; score = $NF + 0 }
  / convolution / && $1 == "*" { if (!low || score < low) low = score }
  / convolution / && $1 != "*" { if (score > high) high = score }
  END { exit !(n == 11 && low > 0 && low >= high) }' out.txt
check "dry run counts parameters" grep -Eq '[0-9]+ of 957837 train' out.txt
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
check "the columns of metrics.csv" test "$(head -1 $run/metrics.csv)" = "step,loss,directional,global,range,learned,seconds"
check "a line a step in metrics.csv" test "$(wc -l < $run/metrics.csv)" = 13
check "the loss falls" awk -F, 'NR == 2 {first = $2} END {exit !($2 < first)}' $run/metrics.csv
check "the report needs no other file" sh -c "! grep -Eq '(src|href)=\"https?:' $run/report.html"
check "the report shows pictures" grep -q 'data:image/png;base64' $run/report.html
succeed inspect $run/adapted.safetensors
check "inspect tells a delta" grep -q 'a delta of an adapted generator' out.txt
succeed generate --generator $run/adapted.safetensors --count 3 --out grid.png
check "the options are in the picture" grep -aq 'nada:options' grid.png

# a run becomes a preset without being trained again
succeed presets make zombie --run $run --folder made --samples 8
check "the preset fits" "$programs/presets" check zombie --folder made --samples 8
expect_error "is a run to 'a zombie', expected 'a devil'" presets make devil --run $run --folder made
expect_error 'option run: it belongs to presets make NAME' presets list --run $run

# options.cfg repeats it, from another folder too; a second run gets another name
mkdir elsewhere
(cd elsewhere && "$programs/adapt" --config ../$run/options.cfg > out.txt 2> err.txt) || fail "--config: $(cat elsewhere/err.txt)"
check "--config repeats the run" same_data $run/adapted.safetensors elsewhere/runs/a-zombie-1/adapted.safetensors
check "... and its pictures" same_pixels $run/samples/000012.png elsewhere/runs/a-zombie-1/samples/000012.png
succeed adapt --target "$target" --steps 1 --batch 2 --layers all
check "the next free name" test -s runs/a-zombie-2/report.html

# what makes a run cheaper is saved and continues bit for bit
cheap=(--target "$target" --steps 7 --batch 2 --state-every 1 --samples-every 0 --anchor-pool 6 --precision auto --select-every 2 --select-batch 3
  --select-at-once 2 --select-exit 32)
took=float32
grep -Eqw 'avx512_bf16|amx_bf16|bf16' /proc/cpuinfo && took=bfloat16
succeed adapt "${cheap[@]}" --out cheap
check "says which precision was taken" grep -q "^precision $took: this processor" out.txt
check "saves which precision was taken" grep -q "^precision = $took\$" cheap/options.cfg
check "saves the pool" grep -q '^anchor-pool = 6$' cheap/options.cfg
succeed adapt "${cheap[@]}" --steps 4 --out cheap-stopped
succeed adapt --resume cheap-stopped --steps 7
check "continues with the same tensors" same_data cheap/adapted.safetensors cheap-stopped/adapted.safetensors
succeed adapt "${cheap[@]}" --anchor-pool 5 --out cheap-odd
check "a pool is rounded up to whole batches" same_data cheap/adapted.safetensors cheap-odd/adapted.safetensors
expect_error 'option anchor-pool: expected at least 0, found -1' adapt "${cheap[@]}" --anchor-pool -1
expect_error "option precision: expected auto, float32 or bfloat16, found 'half'" adapt "${cheap[@]}" --precision half
expect_error 'option select-batch: expected at least 1, found 0' adapt "${cheap[@]}" --select-batch 0
expect_error "option select-exit: expected as-exit or a power of two from 4, found '30'" adapt "${cheap[@]}" --select-exit 30

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
check "further terms are columns" test "$(head -1 "parts $parts/metrics.csv")" = "step,loss,directional,global,range,within,patches,manifold,learned,seconds"
check "a delta keeps its parameterization's name" grep -aq '"nada.parameterization":"low-rank-3"' "parts --parameterization low-rank-3 --layers all/adapted.safetensors"
succeed generate --generator "parts --parameterization low-rank-3 --layers all/adapted.safetensors" --count 2 --out low_rank.png
# Toward pictures, with a text and without; and away from a text
zombies="--pictures $avatars/targets/zombie.png --pictures-tile 64"
succeed adapt $zombies --steps 2 --samples-every 0 --out pictures
check "the folder's title names the pictures" grep -q 'pictures of zombie' pictures/report.html
check "there is no text that nobody gave" sh -c '! grep -aq nada.target pictures/adapted.safetensors'
succeed adapt $zombies --target "a zombie" --pictures-share 0 --steps 2 --samples-every 0 --out by_text
succeed adapt --target "a zombie" --steps 2 --samples-every 0 --out text_alone
check "a share of 0 is the text alone" same_data by_text/adapted.safetensors text_alone/adapted.safetensors
succeed adapt $zombies --target "a zombie" --pictures-share 1 --steps 2 --samples-every 0 --out by_pictures
check "a share of 1 is the pictures alone" same_data by_pictures/adapted.safetensors pictures/adapted.safetensors
succeed adapt $zombies --target "a zombie" --steps 2 --samples-every 0 --out both
check "half of each is neither" sh -c "! cmp -s both/metrics.csv text_alone/metrics.csv && ! cmp -s both/metrics.csv pictures/metrics.csv"
expect_error 'makes texts of its own.*--target TEXT' adapt $zombies --term moment=1 --steps 2 --out none
expect_error 'holds no .png' adapt --pictures "$sources/configs" --steps 2 --out none
expect_error 'option pictures-share: expected 0 to 1, found 2' adapt $zombies --target "a zombie" --pictures-share 2 --out none
succeed adapt --target "a zombie" --away-from "a blue alien" --steps 2 --samples-every 0 --out away
check "the term away has its column" grep -q '^step,loss,directional,global,range,away,learned,seconds' away/metrics.csv

# Several targets at once: the options keep them, and repeat the run.
both=(--target "a zombie" --target "a pencil sketch of a cartoon portrait:0.5" --batch 2 --samples-every 0)
succeed adapt "${both[@]}" --steps 2 --out several
check "the options keep both" test "$(grep -c '^target = ' several/options.cfg)" = 2
check "the report names both" grep -q 'a zombie + a pencil sketch of a cartoon portrait:0.5' several/report.html
succeed adapt --config several/options.cfg --out several_again
check "and repeat the run" same_data several/adapted.safetensors several_again/adapted.safetensors
succeed inspect several/adapted.safetensors
check "inspect names both" grep -q 'targets *a zombie + a pencil sketch' out.txt
expect_error "'a sketch:0' has the weight 0, expected above 0" adapt --target "a zombie" --target "a sketch:0" --out none
expect_error "makes texts of its own" adapt "${both[@]}" --term patches=1 --steps 1 --out none

# Recipes
succeed adapt --target "a zombie" --recipe paper --batch 2 --steps 2 --samples-every 0 --out paper
check "the paper's objective is directional alone" grep -q '^step,loss,directional,seconds' paper/metrics.csv
expect_error "neither an option file nor one of default, paper" adapt --target "a zombie" --recipe papr --out none
expect_error "the embedded encoders know the embedded avatars alone" adapt --generator "$avatars/generator.safetensors" --target "a zombie"
printf 'include = %s/recipes/default.cfg\ninclude = %s/models.cfg\ntarget = a zombie\nsteps = 2\nsamples-every = 0\n' "$sources/configs" "$avatars" > my.cfg
succeed adapt --config my.cfg --out included
check "included files are the default" same_data included/adapted.safetensors text_alone/adapted.safetensors
NADA_CONFIGS=$work/nowhere "$programs/adapt" --target "a zombie" > out.txt 2> err.txt && fail "adapt ran without configurations"
check "a folder of configurations that is not there is told" grep -q "^error: .*$work/nowhere" err.txt

# --log measures terms of weight 0, --tensorboard writes an event file; both change no number of the run
watched=("${short[@]}" --log pixels --term tokens=0 --log tokens --tensorboard)
succeed adapt "${short[@]}" --out unwatched
succeed adapt "${watched[@]}" --out watched
check "terms that are logged are columns" test "$(head -1 watched/metrics.csv)" = "step,loss,directional,global,range,pixels,tokens,learned,seconds"
check "terms that are logged change nothing" same_data unwatched/adapted.safetensors watched/adapted.safetensors
check "... and no loss" cmp <(cut -d, -f1-5 unwatched/metrics.csv) <(cut -d, -f1-5 watched/metrics.csv)
check "the event file has all numbers and pictures" test "$(python3 "$sources/tests/programs/tfevents.py" watched 2>&1)" = \
  "12 steps, 84 scalars, pictures of 0 5 10 12, 1 text"
[ ! -e unwatched/events.out.tfevents.0 ] || fail "an event file that nobody asked for"
expect_error 'the term within cannot be logged' adapt "${short[@]}" --log within --out none
"$programs/adapt" "${watched[@]}" --state-every 2 --out watched-killed > /dev/null 2>&1 &
pid=$!
for _ in $(seq 600); do [ -e watched-killed/state.safetensors ] && break; sleep 0.05; done
kill -9 $pid 2> /dev/null
wait $pid 2> /dev/null
check "it was killed" test ! -e watched-killed/report.html
printf half >> watched-killed/events.out.tfevents.0  # as a kill in the middle of a write leaves it
succeed adapt --resume watched-killed
check "killed: the same tensors" same_data watched/adapted.safetensors watched-killed/adapted.safetensors
check "killed: the same numbers" cmp <(cut -d, -f1-8 watched/metrics.csv) <(cut -d, -f1-8 watched-killed/metrics.csv)
check "killed: each event once" test "$(python3 "$sources/tests/programs/tfevents.py" watched-killed 2>&1)" = \
  "12 steps, 84 scalars, pictures of 0 5 10 12, 1 text"

finish
