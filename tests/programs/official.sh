#!/usr/bin/env bash
# Every option file of configs/official describes a run that official-size weights can start: `adapt --dry-run` accepts it with
# random ones in the places of the files that it names. A few minutes and 1.5 GB of disk.
. "$(dirname "$0")/lib.sh" "$@"
official=$sources/configs/official
mkdir -p configs/official/weights
cp -r "$sources/configs/templates" configs/
cp "$official"/*.cfg configs/official/
weights=configs/official/weights
"$programs/tests/official_weights" vocabulary $weights/bpe_simple_vocab_16e6.txt.gz \
  stylegan2-1024 $weights/ffhq.pkl stylegan2-512 $weights/afhqdog.pkl stylegan2-512 $weights/stylegan2-car-config-f.pkl \
  stylegan2-256 $weights/stylegan2-church-config-f.pkl ViT-B-32 $weights/ViT-B-32.pt ViT-B-16 $weights/ViT-B-16.pt || fail "official_weights"

# the sizes that are known of the official models
succeed inspect $weights/ffhq.pkl
check "config-f at 1024 px" grep -Eq '^resolution +1024 px' out.txt
check "its parameters" grep -Eq 'in all +30370060 +\(affine 4662144\)' out.txt
check "those of its mapping network" grep -Eq 'mapping +2101248' out.txt

value() { sed -n "s/^$2 = //p" "$1"; }  # value FILE KEY
count=0
for config in configs/official/*.cfg; do
  name=$(basename "$config" .cfg)
  # to choose layers in full size takes 8 images with their graph; the choice itself is tested elsewhere
  small=''
  case $(value "$config" layers) in adaptive*) small='--exit 128' ;; esac
  # shellcheck disable=SC2086
  succeed adapt --config "$config" --dry-run $small
  for key in source target steps batch lr layers mixing; do
    check "$name: $key" grep -qE "^  $key +$(value "$config" $key)\$" out.txt
  done
  check "$name: as many encoders as the file names" test "$(grep -c '^  encoder ' out.txt)" = "$(grep -c '^encoder = ' "$config")"
  case $(value "$config" generator) in */ffhq.pkl) size=1024 ;; */*church*) size=256 ;; *) size=512 ;; esac
  check "$name: resolution" grep -qE "rendered at $([ -n "$small" ] && echo 128 || echo $size) px" out.txt
  case $(value "$config" layers) in
    all) trains=$((2 * $(printf '%s\n' $size | awk '{print log($1) / log(2)}') - 3)) ;;
    adaptive:*) trains=$(value "$config" layers | cut -d: -f2) ;;
  esac
  check "$name: $trains convolutions train" test "$(grep -c '^  \* conv' out.txt)" = "$trains"
  count=$((count + 1))
done
check "there are option files" test $count -ge 10
check "nothing was written" test ! -e runs

# the other encoders
for name in RN50 RN50x4; do
  "$programs/tests/official_weights" $name $name.pt || fail "official_weights $name"
  succeed inspect $name.pt
  case $name in RN50) facts='224 px 1024' ;; RN50x4) facts='288 px 640' ;; esac
  check "$name" grep -zEq "resolution +${facts% *}.*embedding +${facts##* } " out.txt
  rm $name.pt
done

# SigLIP in a folder as Hugging Face writes it, with a small vocabulary of the kind of SigLIP 2
mkdir siglip
"$programs/tests/official_weights" siglip-base-patch16-256 siglip/model.safetensors || fail "official_weights siglip"
echo '{"model_type": "siglip", "text_config": {}, "vision_config": {"image_size": 256}}' > siglip/config.json
cp "$sources/tests/golden/pieces/tokenizer.json" siglip/
succeed inspect siglip
check "SigLIP" grep -zEq 'activation +GELU by tanh.*resolution +256 px.*embedding +768 .*context +64 .*vocabulary +32000 ' out.txt
check "its parameters" grep -Eq 'in all +203202050 ' out.txt
succeed adapt --encoder siglip --target "портрет зомби" --steps 1 --batch 1 --anchor-pool 1 --samples-every 0 --out runs/siglip
check "one image and one text" test -s runs/siglip/adapted.safetensors
finish
