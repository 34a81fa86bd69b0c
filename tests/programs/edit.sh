#!/usr/bin/env bash
# edit, as a user calls it: a text, directions of files, adapted generators, a stopped measurement that goes on.
. "$(dirname "$0")/lib.sh" "$@"

small=$sources/tests/golden/generator/rosinality_64_g.safetensors
text=(--generator "$small" --encoder "$avatars/encoder_vit.safetensors" --templates "$avatars/templates.txt" --source "a cartoon portrait"
  --target "a cartoon portrait smiling" --samples 1 --count 2 --columns 3)

# a text: files, and statistics that the second edit takes from the first
succeed edit "${text[@]}" --out runs/one
for file in before-after.png strip.png direction.safetensors channels.csv options.cfg; do [ -s runs/one/$file ] || fail "runs/one/$file is missing"; done
check "channels are counted" grep -Eq '^channels  20 of 236 move' out.txt
check "the statistics stand beside the folder" test "$(ls runs/channels-*.safetensors | wc -l)" = 1
statistics=$(ls runs/channels-*.safetensors)
check "those that count most come first" awk -F, 'NR > 1 {size = $3 < 0 ? -$3 : $3; if (NR > 2 && size > last) exit 1; last = size}' runs/one/channels.csv
check "one row a channel" test "$(wc -l < runs/one/channels.csv)" = 21
succeed inspect runs/one/direction.safetensors
check "inspect tells a direction" grep -Eq '^space +style' out.txt
succeed edit "${text[@]}" --out runs/two --strength 0 --range 0:0
! grep -q 'style channels' err.txt || fail "the statistics were measured again"
check "the same texts give the same direction" same_data runs/one/direction.safetensors runs/two/direction.safetensors
check "a strength of 0 changes nothing" sh -c "ffmpeg -v error -i runs/two/before-after.png -f rawvideo -pix_fmt rgb24 - < /dev/null > two.rgb
  half=\$((\$(wc -c < two.rgb) / 2)); [ \$half -gt 0 ] && head -c \$half two.rgb > above && tail -c \$half two.rgb > below && cmp above below"
succeed edit --generator "$small" --direction runs/one/direction.safetensors --count 2 --columns 3 --out runs/three
check "a direction of a file gives the text's pictures" same_pixels runs/one/before-after.png runs/three/before-after.png
succeed edit --config runs/one/options.cfg --out runs/again
check "the option file repeats the edit" same_pixels runs/one/strip.png runs/again/strip.png
expect_error 'runs/again is there and not empty' edit --config runs/one/options.cfg --out runs/again
expect_error 'was made with --samples 1, found 3' edit "${text[@]}" --samples 3 --out runs/four
expect_error 'belongs to another generator' edit --target "a cartoon portrait smiling" --statistics "$statistics" --out runs/four
expect_error 'no style channel of 236 has a relevance of 1 ' edit "${text[@]}" --threshold 1 --out runs/four
check "a refused edit leaves no folder" test ! -e runs/four

# a measurement that is stopped keeps its layers; the same command goes on
"$programs/edit" "${text[@]}" --statistics part.safetensors --out runs/five > out.txt 2> err.txt &
pid=$!
for _ in $(seq 600); do [ -e part.safetensors ] || ! kill -0 $pid 2> /dev/null || sleep 0.05; done
kill -INT $pid 2> /dev/null
wait $pid
succeed edit "${text[@]}" --statistics part.safetensors --out runs/six
check "a measurement in two parts is that of one" same_data part.safetensors "$statistics"
check "and so is the direction" same_data runs/six/direction.safetensors runs/one/direction.safetensors
no_temporaries .

# directions of factorization and of other programs, on an adapted generator too
succeed edit --direction sefa:1 --styles 0,1 --name turned --to sketch --count 1 --columns 2 --strength 3 --out sefa
check "the name is kept" sh -c 'head -c 2000 sefa/direction.safetensors | grep -q "\"nada.name\":\"turned\""'
{
  printf "\x93NUMPY\x01\x00\x3e\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 128), }\n"
  for _ in $(seq 128); do printf '\x00\x00\x80\x3d'; done
} > boundary.npy
succeed edit --direction boundary.npy --count 1 --columns 2 --strength 1 --out npy
check "a boundary moves the picture" sh -c '! cmp -s npy/before-after.png sefa/before-after.png'
expect_error 'boundary.npy: a direction of 128 numbers, the styles of this generator have 64' \
  edit --generator "$small" --direction boundary.npy --out no
expect_error 'is an inverter of a generator, expected a direction' edit --direction "$avatars/inverter.safetensors" --out no
expect_error 'expected sefa:0 to sefa:127, found sefa:128' edit --direction sefa:128 --out no
expect_error 'nothing was said to change' edit --out no
expect_error 'two ways to say' edit --direction sefa:0 --target "a zombie" --out no
expect_error '\-\-wanted needs a classifier' edit --direction sefa:0 --wanted smiling --out no
check "nothing was written" test ! -e no
finish
