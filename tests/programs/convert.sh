#!/usr/bin/env bash
# Models go to the names of other projects and back without a change, and a delta becomes a whole generator.
. "$(dirname "$0")/lib.sh" "$@"
pictures() { succeed generate --generator "$1" --count 4 --out "$2"; }

# a generator
succeed convert "$avatars/generator.safetensors" r.safetensors --names rosinality
succeed inspect r.safetensors
check "the kind is told" grep -q "a StyleGAN2 generator with rosinality's names" out.txt
succeed convert r.safetensors back.safetensors --licence "CC BY 4.0"
check "what was read is told" grep -q "read  r.safetensors: a StyleGAN2 generator with rosinality's names" out.txt
pictures "$avatars/generator.safetensors" a.ppm.png
pictures back.safetensors b.ppm.png
hash() { "$programs/inspect" "$1" | grep SHA-256; }
[ "$(hash back.safetensors)" = "$(hash "$avatars/generator.safetensors")" ] || fail "the weights changed on the way"
"$programs/inspect" back.safetensors | grep -q "CC BY 4.0" || fail "the licence is lost"
succeed convert "$avatars/generator.safetensors" half.safetensors --type bfloat16
succeed convert "$avatars/generator.safetensors" float32.safetensors --type float32
[ "$(stat -c %s half.safetensors)" -lt $(($(stat -c %s float32.safetensors) * 6 / 10)) ] || fail "bfloat16 is no smaller"
pictures half.safetensors half.png

# a delta becomes a whole generator
succeed adapt --target "a zombie" --steps 2 --out run
succeed convert run/adapted.safetensors whole.safetensors
pictures run/adapted.safetensors delta.png
succeed generate --generator run/adapted.safetensors --generator whole.safetensors --count 4 --out both.png
succeed convert run/adapted.safetensors whole_r.safetensors --names rosinality
[ "$(hash whole_r.safetensors)" = "$(hash whole.safetensors)" ] || fail "the adapted weights changed on the way"
[ "$(hash whole.safetensors)" != "$(hash back.safetensors)" ] || fail "the adapted weights are those of the base"

# encoders
for kind in openai huggingface; do
  mkdir "$kind"
  succeed convert "$avatars/encoder_vit.safetensors" "$kind/model.safetensors" --names "$kind"
done
"$programs/inspect" openai/model.safetensors > openai.txt || fail "inspect of OpenAI's names"
"$programs/inspect" huggingface > huggingface.txt || fail "inspect of a folder"
check "the kind is told" grep -q "a CLIP encoder with Hugging Face's names" huggingface.txt
succeed convert huggingface again.safetensors
succeed convert openai/model.safetensors straight.safetensors
cmp -s again.safetensors straight.safetensors || fail "the encoder changed on the way through Hugging Face's names"

# mistakes
expect_error 'r.safetensors exists; --force replaces it' convert back.safetensors r.safetensors
expect_error "option type: expected same, float32" convert back.safetensors x.safetensors --type int8
expect_error "names are native or rosinality, found 'openai'" convert back.safetensors x.safetensors --names openai
expect_error "only vision transformers" convert "$avatars/encoder_rn.safetensors" x.safetensors --names huggingface
expect_error "has no component 'G'" convert back.safetensors x.safetensors --component G
expect_error 'is the state of a run' convert run/state.safetensors x.safetensors
expect_error 'this generator has no classes' generate --class 1 --count 1
expect_error 'is a folder without a model' inspect run
[ ! -e x.safetensors ] || fail "a failed conversion left a file"
finish
