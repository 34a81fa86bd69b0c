#!/usr/bin/env bash
# A StyleGAN3 generator goes through the programs as a StyleGAN2 one does: it is adapted with chosen layers, resumed bit for bit,
# rendered from its delta, converted and inspected. ArcFace, e4e, ReStyle, LPIPS and HED files are converted and inspected.
. "$(dirname "$0")/lib.sh" "$@"
golden=$sources/tests/golden
encoder=$avatars/encoder_vit.safetensors
t=$golden/stylegan3/t32.safetensors r=$golden/stylegan3/r32_cond.safetensors

succeed inspect "$t"
check "inspect tells a StyleGAN3 generator" grep -q "a StyleGAN3 generator with NVIDIA's names" out.txt
check "... its configuration" grep -q 'configuration  *T' out.txt
check "... its layers" grep -Eq 'L2_52_8 +32 +3' out.txt

# layers are chosen by the styles that the text moves
short=(--generator "$t" --encoder "$encoder" --source "a cartoon portrait" --target "a zombie" --layers adaptive:3 --batch 2 --samples-every 0 --state-every 1)
succeed adapt "${short[@]}" --dry-run
check "three of the six convolutions train" test "$(grep -c '^ *\* *L[0-9]' out.txt)" = 3
succeed adapt "${short[@]}" --steps 4 --out whole
succeed adapt "${short[@]}" --steps 2 --out stopped
succeed adapt --resume stopped --steps 4
check "a run that went on is the run that did not stop" same_data whole/adapted.safetensors stopped/adapted.safetensors
check "the loss is a number at each step" awk -F, 'NR > 1 && $2 + 0 != $2 { exit 1 } END { exit NR != 5 }' whole/metrics.csv
succeed generate --generator whole/adapted.safetensors --count 2 --out adapted.png
succeed generate --generator "$t" --count 2 --out source.png
check "the adapted pictures are others" sh -c '! cmp -s adapted.png source.png'
succeed adapt --generator "$t" --encoder "$encoder" --source "a cartoon portrait" --target "a zombie" --layers L3_52_8,input --steps 1 --batch 2 --samples-every 0 --out named
expect_error "no exit at 16 pixels" adapt --generator "$t" --encoder "$encoder" --source "a cartoon portrait" --target "a zombie" --layers all --batch 2 --steps 1 --exit 16 --out none
expect_error "there is no layer 'conv.8.0'; the layers are .*L0_36_8" adapt "${short[@]}" --layers conv.8.0 --steps 1 --out none

# configuration R, with classes
expect_error "say which with --class 0 to 2" generate --generator "$r" --out none.png
succeed generate --generator "$r" --class 1 --truncation 0.7 --count 2 --out r.png
succeed adapt --generator "$r" --encoder "$encoder" --class 2 --source "a cartoon portrait" --target "a zombie" --layers adaptive --steps 1 --batch 2 --samples-every 0 --out r

# files
succeed convert "$r" r.safetensors --licence "none needed"
succeed inspect r.safetensors
check "a converted file keeps its hash" grep -q "$("$programs/inspect" "$r" | awk '/^SHA-256/ { print $2 }')" out.txt
check "... and its licence" grep -q 'none needed' out.txt
succeed generate --generator r.safetensors --class 1 --truncation 0.7 --count 2 --out again.png
check "... and its pictures" same_pixels r.png again.png
succeed convert whole/adapted.safetensors folded.safetensors
succeed generate --generator folded.safetensors --count 2 --out folded.png
check "a delta is folded in" same_pixels adapted.png folded.png
expect_error "a StyleGAN3 generator's names are native" convert "$r" none.pt --names rosinality
for file in "$r" whole/adapted.safetensors; do
  expect_error "$file: only StyleGAN2 generators can be written as ONNX" convert "$file" none.onnx
done
[ ! -e none.onnx ] || fail "a refused conversion left none.onnx"

mkdir networks
python3 "$sources/tests/programs/networks.py" "$golden" networks || fail "networks.py"
for file in "$golden"/{arcface/ir_se50_tiny,e4e/e4e_tiny,e4e/psp_tiny,lpips/tiny} networks/{restyle_tiny,hed_tiny}; do
  name=$(basename "$file")
  succeed convert "$file.safetensors" "$name.safetensors" --about "random numbers"
  succeed convert "$name.safetensors" "$name-again.safetensors"
  check "a conversion of $name's conversion is the same" same_data "$name.safetensors" "$name-again.safetensors"
  succeed inspect "$name.safetensors"
  check "inspect tells what $name is" grep -Eq 'an ArcFace network|an encoder of pictures to styles|an LPIPS network|an encoder of ReStyle|an HED edge network' out.txt
done

# an encoder of pictures to styles as the inverter, by itself and followed by a search
for file in "$golden"/e4e/{e4e_tiny,psp_tiny} networks/restyle_tiny; do
  name=$(basename "$file")
  succeed convert "$file.safetensors" "$name-decoder.safetensors" --component decoder
  succeed generate --generator "$name-decoder.safetensors" --count 1 --seed 3 --single --out "$name-picture"
  inverting=(invert "$name-picture/000000.png" --generator "$name-decoder.safetensors" --inverter "$file.safetensors" --samples 12)
  succeed "${inverting[@]}" --out "$name-codes"
  check "$name answers at once" grep -q '^found .*by the inverter' out.txt
  psnr() { sed -n 's/^found .*PSNR \([0-9.]*\) dB.*/\1/p' out.txt; }
  alone=$(psnr)
  succeed "${inverting[@]}" --refine 5 --out "$name-refined"
  check "$name: 5 steps more come no farther away, $alone and $(psnr) dB" awk "BEGIN {exit !($(psnr) >= $alone - 0.5)}"
done
expect_error "e4e_tiny.safetensors: the encoder gives 10 styles of 16 numbers, this generator takes" invert e4e_tiny-picture/000000.png \
  --inverter "$golden/e4e/e4e_tiny.safetensors" --out none
expect_error "expected an ArcFace network" invert "$golden/clip/targets/target0.png" --identity "$t" --out none
finish
