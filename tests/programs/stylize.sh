#!/usr/bin/env bash
# Pictures in: inversion of the generator's own samples, stylising, presets, films, and files that are no pictures.
. "$(dirname "$0")/lib.sh" "$@"

# one of the generator's own samples comes back
succeed generate --count 1 --seed 5 --single --out own
succeed invert own/000000.png --steps 60 --starts 2 --out inverted
psnr=$(sed -n 's/.*PSNR \([0-9.]*\) dB.*/\1/p' out.txt)
check "PSNR of an own sample after 60 steps, found $psnr" awk "BEGIN {exit !($psnr > 20)}"
for file in comparison.png codes.safetensors metrics.csv options.cfg; do check "$file" test -s "inverted/$file"; done
check "one line a step" test "$(wc -l < inverted/metrics.csv)" = 61
check "no warning for an own sample" test "$(grep warning err.txt | grep -vc 'warning: oneDNN')" = 0  # of LibTorch 2.6 on Debian 13
succeed invert --config inverted/options.cfg --out again
check "the options repeat the inversion" cmp -s inverted/codes.safetensors again/codes.safetensors
sed 's/^measure = /judge = /' inverted/options.cfg > inverted/old.cfg
succeed invert --config inverted/old.cfg --steps 2 --starts 1 --out old
check "an option's old name is taken" grep -q 'note: the option judge is now called measure' err.txt
check "... and written anew" grep -q '^measure = ' old/options.cfg
succeed inspect inverted/codes.safetensors
check "what it is" grep -q "w+ codes" out.txt

# compared by a network of the LPIPS kind, in the search and in the tuning
network=$sources/tests/golden/lpips/network.pt
succeed invert own/000000.png --steps 20 --starts 1 --tune 2 --samples 16 --lpips "$network" --out lpips
check "the pictures are compared another way" test "$(cmp -s <(sed -n 2p inverted/metrics.csv) <(sed -n 2p lpips/metrics.csv); echo $?)" = 1
check "the network is in the options" grep -q 'lpips = .*network.pt' lpips/options.cfg
expect_error 'takes the place of --encoder' invert own/000000.png --lpips "$network" --encoder "$avatars/encoder_vit.safetensors"
expect_error 'is no TorchScript archive' invert own/000000.png --lpips "$avatars/generator.safetensors"

# a picture of one pixel, and one of another size and shape, tuned
base64 -d > one.png <<< iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPg5GAHAAA2ABlutSoqAAAAAElFTkSuQmCC
succeed invert one.png --steps 2 --starts 1 --samples 64 --out one
check "one pixel is far from the domain" grep -q 'warning: the picture is far' err.txt
succeed generate --count 6 --columns 3 --out wide.jpg
succeed invert wide.jpg --steps 3 --starts 1 --tune 2 --out tuned
check "the tuned delta" test -s tuned/tuned.safetensors
succeed generate --generator tuned/tuned.safetensors --count 1 --out x.png

# presets
succeed presets list
check "at least eight presets" test "$(wc -l < out.txt)" -ge 8
name=$(awk 'NR == 1 {print $1}' out.txt)
succeed presets show "$name" --out sample.png
check "the command that made it" grep -q '^command  ./quickstart adapt --target' out.txt
check "its picture" test -s sample.png
succeed presets check "$name" --samples 16
expect_error 'belongs to another base' presets check "$name" --generator "$sources/tests/golden/generator/rosinality_64_g.safetensors"
succeed generate --preset "$name" --count 2 --out preset.png
succeed generate --generator "$avatars/presets/$name.safetensors" --count 2 --out file.png
succeed inspect "$avatars/presets/$name.safetensors"
check "what a preset is" grep -q "a preset" out.txt

# stylising: at strength 0 the inversion, else another picture
succeed stylize own/000000.png --codes inverted/codes.safetensors --preset "$name" --strength 0 --out nothing
succeed stylize own/000000.png --codes inverted/codes.safetensors --preset "$name" --out full
check "the strength counts" test "$(cmp -s "nothing/$name.png" "full/$name.png"; echo $?)" = 1
succeed stylize own/000000.png --codes inverted/codes.safetensors --preset "$name" --preset "$avatars/presets/$name.safetensors" --out twice
check "a name that comes twice is no file that is overwritten" test -s "twice/$name-2.png"
succeed stylize wide.jpg --steps 2 --starts 1 --preset "$name" --paste --out pasted
check "pasted back at its own size, 384x256" test "$(od -An -tx1 -j16 -N8 "pasted/$name.png" | tr -d ' ')" = 0000018000000100
succeed stylize own/000000.png --codes inverted/codes.safetensors --all --mix --strength 0.5 --out mixed
check "one picture of all" test -s mixed/mix.png
succeed stylize own/000000.png --codes inverted/codes.safetensors --target "a zombie" --target-steps 2 --out trained
check "the new domain" test -s trained/a-zombie.png

# films
succeed interpolate --out frames --frames 2 --keys 2
check "numbered frames" test -s frames/000003.png
succeed interpolate --along weights --to "$name" --people 2 --frames 2 --out strip.png
succeed interpolate --direction 3 --to "$name" --people 1 --frames 2 --range -3:3 --out strip2.png
check "three rows of two domains" test "$(od -An -tx1 -j20 -N4 strip2.png | tr -d ' ')" = 00000300
if command -v ffmpeg > /dev/null; then
  succeed interpolate --frames 2 --keys 2 --to "$name" --out walk.mp4
  check "an MP4" test -s walk.mp4
  succeed interpolate --frames 2 --keys 2 --out walk.gif
  check "a GIF" test "$(head -c 4 walk.gif)" = GIF8
else
  echo "no ffmpeg here: films are not tried"
fi

# mistakes
expect_error 'no such file' invert missing.png
expect_error 'expected a PNG or JPEG picture, found the bytes' invert "$sources/README.md"
head -c 300 wide.jpg > cut.jpg
expect_error 'cut.jpg' invert cut.jpg
printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\116\040\0\0\116\040\010\002\0\0\0' > huge.png
expect_error 'huge.png' invert huge.png
expect_error "there is no preset 'nobody'; there are" stylize own/000000.png --preset nobody
expect_error 'no domain was given' stylize own/000000.png
expect_error 'expected a preset' presets show "$avatars/generator.safetensors"
expect_error 'option direction: expected 0 to' interpolate --along direction --direction 9999 --out x.png
expect_error 'codes have shape|expected w\+ codes' stylize own/000000.png --codes "$avatars/generator.safetensors" --preset "$name"
no_temporaries .
finish
