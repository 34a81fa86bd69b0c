#!/usr/bin/env bash
# generate, optimize, inspect, convert and rank, as a user calls them.
. "$(dirname "$0")/lib.sh" "$@"

# generate: a grid or single files, the same sample whatever the count, jpg by the name
succeed generate --count 5 --columns 5 --seed 3 --out five.png
succeed generate --count 5 --seed 3 --single --out single
check "five files" test "$(ls single | wc -l)" = 5
succeed generate --count 2 --seed 3 --single --out fewer
check "sample 1 does not depend on the count" cmp <(tail -c 3000 single/000001.png) <(tail -c 3000 fewer/000001.png)
succeed generate --count 1 --seed 4 --single --out other
check "another seed, another picture" sh -c '! cmp -s single/000000.png other/000000.png'
succeed generate --count 4 --out grid.jpg
check "a JPEG by its name" test "$(head -c 2 grid.jpg | od -An -tx1 | tr -d ' ')" = ffd8
succeed generate --count 3 --truncation 0 --single --out mean
check "psi 0 gives the mean picture each time" nearly_same_pixels mean/000000.png mean/000002.png
! nearly_same_pixels mean/000000.png single/000000.png || fail "another picture counts as the mean picture"
expect_error 'cannot write .*there is no folder' generate --count 1 --out nowhere/one.png
expect_error 'extension|\.png' generate --count 1 --out one.gif

# optimize: codes move, the loss falls, the pictures and codes are there
succeed optimize --target "a pencil sketch" --count 2 --steps 30 --out codes
for file in before-after.png codes.safetensors metrics.csv options.cfg; do [ -s codes/$file ] || fail "codes/$file is missing"; done
check "the loss falls" awk -F, 'NR == 2 {first = $2} END {exit !($2 < first)}' codes/metrics.csv
succeed inspect codes/codes.safetensors
check "inspect tells codes" grep -q 'w+ codes' out.txt

# inspect: sizes that are known from the architecture
succeed inspect "$avatars/generator.safetensors"
check "resolution" grep -Eq '^resolution +128 px' out.txt
check "parameters" grep -Eq 'in all +957837' out.txt
check "licence" grep -Eq '^licence +CC BY 4.0' out.txt
check "layer table" grep -Eq 'conv\.64\.1 +64 +8 +8305' out.txt
for encoder in rn vit held; do
  succeed inspect "$avatars/encoder_$encoder.safetensors"
  check "encoder_$encoder has its vocabulary and phrases inside" grep -q '1002 entries, inside' out.txt
  check "encoder_$encoder knows what it was trained on" grep -Eq '^phrases +174 known' out.txt
done

# convert: rosinality's and OpenAI's names become native files with the same tensors
golden=$sources/tests/golden
succeed convert "$golden/generator/rosinality_64_g.safetensors" native.safetensors
succeed inspect native.safetensors
hash=$(grep SHA-256 out.txt)
succeed inspect "$golden/generator/rosinality_64_g.safetensors"
check "a converted file is the same base" test "$hash" = "$(grep SHA-256 out.txt)"
expect_error 'native.safetensors exists; --force' convert "$golden/generator/rosinality_64_g.safetensors" native.safetensors
succeed convert native.safetensors again.safetensors
succeed inspect again.safetensors
check "a native file stays what it is" test "$hash" = "$(grep SHA-256 out.txt)"
succeed convert "$golden/clip/vit_b.safetensors" clip.safetensors
succeed inspect clip.safetensors
check "the embedding's width" grep -Eq '^embedding +48' out.txt

# rank: the embedded generator makes portraits, and the exit code tells a disappointment
succeed rank --count 40 --expect portrait --least 0.9
expect_error 'zombie comes first for 0' rank --count 20 --expect zombie --least 0.5
expect_error "has no text called 'horse'" rank --expect horse
finish
