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

# compared by an LPIPS network, in the search and in the tuning
network=$sources/tests/golden/lpips/tiny.safetensors
succeed invert own/000000.png --steps 20 --starts 1 --tune 2 --samples 16 --lpips "$network" --out lpips
check "the pictures are compared another way" test "$(cmp -s <(sed -n 2p inverted/metrics.csv) <(sed -n 2p lpips/metrics.csv); echo $?)" = 1
check "the network is in the options" grep -q 'lpips = .*tiny.safetensors' lpips/options.cfg
expect_error 'takes the place of --encoder' invert own/000000.png --lpips "$network" --encoder "$avatars/encoder_vit.safetensors"
expect_error 'expected an LPIPS network with VGG16' invert own/000000.png --lpips "$avatars/generator.safetensors"

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

# the inverter answers at once, and a search may follow
succeed invert own/000000.png --out at-once
check "the inverter is the default" grep -q 'by the inverter$' out.txt
check "how far it is from domain and mean style" grep -q 'from the nearest sample (samples at most .*deviations from the mean style' out.txt
psnr=$(sed -n 's/.*PSNR \([0-9.]*\) dB.*/\1/p' out.txt)
check "the options say so" grep -q '^method = inverter$' at-once/options.cfg
succeed invert own/000000.png --refine 20 --out refined
check "steps that follow" grep -q 'by the inverter and 20 steps$' out.txt
check "they come nearer" awk "BEGIN {exit !($(sed -n 's/.*PSNR \([0-9.]*\) dB.*/\1/p' out.txt) > $psnr)}"
check "one line a step" test "$(wc -l < refined/metrics.csv)" = 21
succeed invert --config refined/options.cfg --out refined-again
check "the options repeat it" cmp -s refined/codes.safetensors refined-again/codes.safetensors
sed '/^method = /d; /^refine = /d; /^inverter = /d' inverted/options.cfg > inverted/older.cfg
succeed invert --config inverted/older.cfg --out older
check "options of before there was an inverter mean the search" cmp -s inverted/codes.safetensors older/codes.safetensors
succeed invert one.png --out far
check "what suits a picture that is far away" grep -q 'warning: the picture is far.*--method search' err.txt
expect_error 'expected auto, inverter or search' invert own/000000.png --method magic --out none
expect_error 'give --steps' invert own/000000.png --method search --refine 3 --out none
expect_error 'expected --method search' invert own/000000.png --method inverter --noise-maps --out none

# a face in a photo: turned upright, cut out, and put back; nothing of the file but its pixels is kept
succeed generate --count 12 --columns 4 --out photo.jpg
marker=GPS-48.2082N-16.3738E
{ head -c 2 photo.jpg; printf '\377\341\000\035Exif\000\000%s' "$marker"; tail -c +3 photo.jpg; } > located.jpg
check "the photo has what a camera writes" grep -aq "$marker" located.jpg
succeed stylize located.jpg --points "90,80 110,84 97,98" --preset "$name" --paste --out turned
succeed generate --count 12 --columns 4 --out copy.png
check "pasted back at its own size" cmp -s <(od -An -tx1 -j16 -N8 "turned/$name.png") <(od -An -tx1 -j16 -N8 copy.png)
check "the framing of the avatars" grep -q '^framing = avatars$' turned/options.cfg
check "no place in what is written" sh -c "! grep -aqr $marker turned"
printf '# left eye, right eye, nose, corners of the mouth\n90 80\n110 84\n98 90\n93 97\n101 99\n' > points.txt
succeed stylize photo.jpg --points points.txt --preset "$name" --paste --out from-file
check "a landmark file says the same" same_data turned/codes.safetensors from-file/codes.safetensors
expect_error 'the face is mirrored' invert photo.jpg --points "110,84 90,80 97,98" --out none
expect_error 'expected 3, 5 or 68 points' invert photo.jpg --points "1,2" --out none
expect_error 'option framing: it frames a face' invert photo.jpg --framing ffhq --out none
expect_error 'expected avatars, ffhq, or three numbers' invert photo.jpg --points "90,80 110,84 97,98" --framing wide --out none
check "a refused run leaves no folder" test ! -e none

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
