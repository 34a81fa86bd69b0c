#!/usr/bin/env bash
# evaluate measures what a user has: the source, a delta, pictures in a folder; and refuses an encoder that was trained against.
. "$(dirname "$0")/lib.sh" "$@"

# The source is near to its own pictures and far from another domain's.
evaluate=(evaluate --generator "$avatars/generator.safetensors" --count 60)
succeed "${evaluate[@]}" --real "$avatars/targets/portrait.png" --tile 64 --target "a cartoon portrait" --out own
succeed "${evaluate[@]}" --real "$avatars/targets/zombie.png" --tile 64 --target "a zombie" --source "a cartoon portrait" \
  --base "$avatars/generator.safetensors" --out other
for file in own other; do
  for extension in md csv json; do [ -s $file.$extension ] || fail "$file.$extension is missing"; done
done
column() { awk -F, -v name="$2" 'NR == 1 {for (i = 1; i <= NF; ++i) if ($i == name) c = i} NR == 2 && c {print $c}' "$1.csv"; }
# Sixty faces differ from sixty-four others in hair and ground, which this encoder sees, too: distances of 554 against
# 10378 and CMMD of 0.25 against 22.8 when measured.
check "own pictures are nearer (frechet)" awk "BEGIN {exit !(10 * $(column own frechet) < $(column other frechet))}"
check "... by more than chance" awk "BEGIN {exit !($(column own frechet_high) < $(column other frechet_low))}"
check "own pictures are nearer (cmmd)" awk "BEGIN {exit !(50 * $(column own cmmd) < $(column other cmmd))}"
check "... by more than chance (cmmd)" awk "BEGIN {exit !($(column own cmmd_high) < $(column other cmmd_low))}"
check "the own text scores higher" awk "BEGIN {exit !($(column own text_score) > 0.5 + $(column other text_score))}"
check "zombies are not found in portraits, which is not certain" sh -c "test '$(column other found)' = 0 && test '$(column own found)' = 1 &&
  awk 'BEGIN {exit !($(column other found_high) > 0.01 && $(column own found_low) < 0.99)}'"
check "pixels are measured" awk "BEGIN {exit !($(column own pixels) > 0.1)}"
check "without a source there is no identity" test -z "$(column own identity)"
check "what is left out is told" grep -q '^note: left out: .* for want of truths (--twins)' err.txt
check "an unchanged generator keeps all identity" awk "BEGIN {exit !($(column other identity) > 0.999)}"
check "... and did not step" test "$(column other directional_score)" = 0
check "intervals are in the CSV" grep -q 'frechet_low,frechet_high' own.csv
check "prints the table" grep -q '^| generator | target | samples | real |' out.txt

# A delta brings its texts and base; two rows make one table.
succeed adapt --target "a zombie" --steps 2 --batch 2 --out run
succeed evaluate --generator run/adapted.safetensors --generator "$avatars/generator.safetensors" --count 40 --out both
check "one row each" test "$(wc -l < both.csv)" = 3
check "texts come from the delta" grep -q 'run/adapted.safetensors,a zombie,40,0,' both.csv
check "identity comes from the delta's base" test -n "$(column both identity)"
check "the same again" sh -c "cp both.csv first.csv; '$programs/evaluate' --generator run/adapted.safetensors \
  --generator '$avatars/generator.safetensors' --count 40 --out both > out.txt && cmp both.csv first.csv"

# LPIPS to the base's images, and inside of clusters
lpips=$sources/tests/golden/lpips/tiny.safetensors
succeed evaluate --generator run/adapted.safetensors --count 12 --lpips "$lpips" --out perceptual
check "the adapted images moved a little" awk "BEGIN {exit !($(column perceptual LPIPS) > 0 && $(column perceptual LPIPS) < $(column perceptual intra_LPIPS))}"
succeed evaluate --generator "$avatars/generator.safetensors" --base "$avatars/generator.safetensors" --count 12 --lpips "$lpips" --out unmoved
check "an unchanged generator's did not" test "$(column unmoved LPIPS)" = 0
succeed evaluate --generator run/adapted.safetensors --count 12 --lpips "$lpips" --centres "$avatars/targets/zombie.png" --tile 64 --out centred
check "clusters around pictures are others" test "$(column centred intra_LPIPS)" != "$(column perceptual intra_LPIPS)"
expect_error "which needs --lpips" evaluate --generator run/adapted.safetensors --count 12 --centres "$avatars/targets/zombie.png"
expect_error "expected the Inception network of FID" evaluate --generator run/adapted.safetensors --count 12 --inception "$lpips"
succeed evaluate --generator "$avatars/generator.safetensors" --count 12 --lpips "$lpips" --out sourceless
check "columns are not left out without a word" grep -q 'LPIPS for want of a source generator (--base)' err.txt
expect_error "expected an HED edge network" evaluate --generator run/adapted.safetensors --count 12 --hed "$lpips"
expect_error "expected an Inception-v3 network" evaluate --generator run/adapted.safetensors --count 12 --real "$avatars/targets/zombie.png" --sifid "$lpips"
expect_error "resize is that of --inception" evaluate --generator run/adapted.safetensors --count 12 --resize clean
expect_error "option resize: expected torch or clean, found 'bicubic'" evaluate --generator run/adapted.safetensors --count 12 --resize bicubic

expect_error "was trained against" evaluate --generator run/adapted.safetensors --measure "$avatars/encoder_rn.safetensors" --count 40
cp "$avatars/encoder_vit.safetensors" renamed.safetensors
expect_error "was trained against" evaluate --generator run/adapted.safetensors --measure renamed.safetensors --count 40
expect_error "was trained against" evaluate --generator run/adapted.safetensors --encoder renamed.safetensors --count 40
check "the option's old name is taken" grep -q 'note: the option encoder is now called measure' err.txt
expect_error "no generator was given" evaluate
# Truths: the own samples of `generate` are found, all of them, and nothing is nearer.
succeed generate --count 12 --seed 31 --single --out truths
succeed evaluate --generator "$avatars/generator.safetensors" --twins truths --count 12 --seed 31 --out twins
check "own samples are their own truth" test "$(column twins own_truth)" = 1
check "... up to what 8 bits keep" awk "BEGIN {exit !($(column twins psnr) > 45 && $(column twins ssim) > 0.99 && $(column twins psnr_gain) > 20)}"
succeed evaluate --generator "$avatars/generator.safetensors" --twins truths --count 12 --seed 32 --out others
check "other people are not" awk "BEGIN {exit !($(column others psnr_gain) < 0 && $(column others own_truth) < 0.6)}"
expect_error "holds 12 truths, expected one for each of the 13 samples" evaluate --generator "$avatars/generator.safetensors" --twins truths --count 13
check "... and look like themselves to the encoder that measures" awk "BEGIN {exit !($(column twins twin_features) < 0.02 && $(column others twin_features) > 0.5)}"

# The oracle: the run's layers learn a known truth, here each sample's negative, from the truths themselves.
mkdir negatives
ffmpeg -v error -i truths/%06d.png -vf negate -start_number 0 negatives/%06d.png < /dev/null || fail "ffmpeg"
succeed oracle run/adapted.safetensors --twins negatives --seed 31 --steps 12 --batch 4 --lr 0.004 --out oracle
check "the oracle says what it learned from" grep -q '^oracle  oracle/adapted.safetensors  ([0-9]* layers, 12 truths)' out.txt
check "it used the run's own numbers where none were given" grep -q '^steps = 12' oracle/options.cfg
succeed evaluate --generator "$avatars/generator.safetensors" --generator oracle/adapted.safetensors --twins negatives --count 12 --seed 31 --out oracle_twins
check "the truths are learned" awk -F, 'NR == 1 {for (i = 1; i <= NF; ++i) if ($i == "psnr") c = i} {psnr[NR] = $c}
  END {exit !(psnr[3] > psnr[2] + 1)}' oracle_twins.csv
expect_error "no truths were given" oracle run/adapted.safetensors

# Codes in place of samples, each for its truth; truths as one sheet.
mkdir codes
ffmpeg -v error -i truths/000000.png -i truths/000001.png -filter_complex hstack pair.png < /dev/null || fail "ffmpeg"
for i in 000000 000001; do succeed invert truths/$i.png --steps 2 --starts 1 --out codes/$i; done
succeed evaluate --generator "$avatars/generator.safetensors" --codes codes --twins pair.png --count 2 --out coded
expect_error "holds codes of 2 pictures, and negatives 12 truths" oracle run/adapted.safetensors --twins negatives --codes codes
check "the codes are drawn" grep -q 'psnr_gain' coded.csv
expect_error "holds codes of 2 pictures, expected one for each of the 12 samples" evaluate --generator "$avatars/generator.safetensors" \
  --codes codes --twins truths --count 12
succeed generate --codes codes --count 2 --out coded.png
check "codes are drawn as a grid" test -s coded.png
expect_error "holds codes of 2 pictures, fewer than the 16" generate --codes codes --out none.png
expect_error "seed and --class do not apply" generate --codes codes --seed 3 --out none.png
expect_error "truncation and --class do not apply" evaluate --generator "$avatars/generator.safetensors" --codes codes --truncation 0.5
mv truths/000003.png truths/000012.png
expect_error "expected a file 000003.png, found 000004.png" evaluate --generator "$avatars/generator.safetensors" --twins truths --count 12

expect_error "tiles of 50 pixels do not fill" "${evaluate[@]}" --real "$avatars/targets/zombie.png" --tile 50
mkdir empty
expect_error "holds no .png" "${evaluate[@]}" --real empty
no_temporaries .
finish
