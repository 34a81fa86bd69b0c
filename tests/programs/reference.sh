#!/usr/bin/env bash
# adapt --reference: what it stands for, what contradicts it, and that it repeats and resumes like any other run.
. "$(dirname "$0")/lib.sh" "$@"
official=(--reference --target "a zombie" --steps 6 --batch 2 --samples-every 0)

# --dry-run says that it is the official loop, and all that this means
succeed adapt "${official[@]}" --layers adaptive --dry-run
check "says that it is the official loop" grep -q '^the official training loop' out.txt
for option in "reference true" "noise fresh" "two-noises true" "directional 1" "global 0" "range 0" "pixels 0" "min-length 0" "mixing 0" "views plain" \
  "exit full" "select-every 1" "official-index true" "bare-selection true" "no-clamp true" "no-antialias true" "zero-gradients true"; do
  check "it means $option" grep -Eq "^  ${option% *} +${option#* }$" out.txt
done
check "two thirds of twelve styles train" test "$(grep -c '^  \* ' out.txt)" = 8
succeed adapt --target "a zombie" --dry-run
check "the default is another loop" sh -c "! grep -q 'official training loop' out.txt && grep -q 'select-every *10' out.txt"
succeed adapt --reference --target "a zombie" --layers all --dry-run
check "without selection the constant trains, and no rgb" sh -c "grep -q '\* const ' out.txt && ! grep -q '\* rgb' out.txt"

# what contradicts it is refused, on the command line and beside it in a file
expect_error '--reference means views = plain, but crops was given for it' adapt "${official[@]}" --views crops
expect_error '--reference means select-every = 1, but 10 was given for it' adapt "${official[@]}" --select-every 10
expect_error '--reference means layers = all or adaptive' adapt "${official[@]}" --layers conv.8.0
expect_error '--reference means min-length = 0, but 0.2 was given for it' adapt "${official[@]}" --min-length 0.2
printf 'reference = true\nviews = crops\n' > wrong.cfg
expect_error '--reference means views = plain' adapt --config wrong.cfg --generator "$avatars/generator.safetensors" --target "a zombie"
expect_error '--official-index needs' adapt --target "a zombie" --official-index
check "nothing was written" test ! -e runs

# the run, and the same from its options
succeed adapt "${official[@]}" --out run
check "a line a step, of the directional term alone" test "$(head -1 run/metrics.csv) $(wc -l < run/metrics.csv)" = "step,loss,directional,seconds 7"
check "the options say so" grep -q '^reference = true$' run/options.cfg
succeed adapt --config run/options.cfg --out again
check "--config repeats the run" same_data run/adapted.safetensors again/adapted.safetensors
expect_error '--reference means global = 0, but 1 was given' adapt --config run/options.cfg --global 1

# kill -9, then --resume: the same tensors and losses
"$programs/adapt" "${official[@]}" --state-every 1 --out killed > /dev/null 2>&1 &
pid=$!
for _ in $(seq 600); do [ -e killed/state.safetensors ] && break; sleep 0.05; done
kill -9 $pid 2> /dev/null
wait $pid 2> /dev/null
check "was killed on its way" test ! -e killed/report.html
succeed adapt --resume killed
check "resumed: the same tensors" same_data run/adapted.safetensors killed/adapted.safetensors
check "resumed: the same losses" cmp <(cut -d, -f1-3 run/metrics.csv) <(cut -d, -f1-3 killed/metrics.csv)
check "resumed: the same state" same_data run/state.safetensors killed/state.safetensors
finish
