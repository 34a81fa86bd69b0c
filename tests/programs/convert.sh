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

# a checkpoint for rosinality's programs, read by Python's own zipfile and pickle
succeed convert "$avatars/generator.safetensors" r.pt --names rosinality
check "what a checkpoint has no place for is told" \
  grep -q "without licence, which a .pt file does not hold: CC BY 4.0" out.txt
cat > same_as.py << 'END'
import collections, itertools, json, pickle, struct, sys, zipfile

archive, theirs = zipfile.ZipFile(sys.argv[1]), open(sys.argv[2], "rb").read()
assert archive.testzip() is None and archive.read("archive/version") == b"3\n" and archive.read("archive/byteorder") == b"little"
with open(sys.argv[1], "rb") as file:
    for entry in archive.infolist():
        file.seek(entry.header_offset + 26)
        start = entry.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
        assert entry.compress_type == zipfile.ZIP_STORED and start % 64 == 0, entry

class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if module == "torch":
            return {"FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16"}[name]
        return {"collections.OrderedDict": collections.OrderedDict,
                "torch._utils._rebuild_tensor_v2": lambda *parts: parts}[module + "." + name]

    def persistent_load(self, storage):
        kind, dtype, key, place, count = storage
        assert (kind, place) == ("storage", "cpu"), storage
        return dtype, count, archive.read("archive/data/" + key)

checkpoint = Reader(archive.open("archive/data.pkl")).load()
assert type(checkpoint) is dict and list(checkpoint) == ["g_ema", "latent_avg"], list(checkpoint)
assert type(checkpoint["g_ema"]) is collections.OrderedDict and "latent_avg" not in checkpoint["g_ema"]
made = {**checkpoint["g_ema"], "latent_avg": checkpoint["latent_avg"]}

(length,) = struct.unpack("<Q", theirs[:8])
wanted, data = json.loads(theirs[8:8 + length]), theirs[8 + length:]
wanted.pop("__metadata__", None)
assert set(made) == set(wanted), set(made) ^ set(wanted)
for name, ((dtype, count, content), offset, shape, strides, gradient, hooks) in made.items():
    row_major = tuple(itertools.accumulate(shape[:0:-1], int.__mul__, initial=1))[::-1] if shape else ()
    assert (offset, strides, gradient, hooks) == (0, row_major, False, {}), name
    assert dtype == wanted[name]["dtype"] and list(shape) == wanted[name]["shape"], name
    assert content == data[slice(*wanted[name]["data_offsets"])] and count * {"F32": 4}.get(dtype, 2) == len(content), name
buffers = [f"noises.noise_{i}" for i in range(9)] + [f"to_rgbs.{i}.upsample.kernel" for i in range(4)]
assert set(buffers + [f"convs.{i}.conv.blur.kernel" for i in range(0, 8, 2)]) <= set(made)  # load_state_dict wants them
END
check "the checkpoint holds the tensors of the safetensors file" python3 same_as.py r.pt r.safetensors
succeed inspect r.pt
check "the kind is told" grep -q "a StyleGAN2 generator with rosinality's names, zip pickle, component g_ema" out.txt
pictures r.pt pt.png
check "pictures of a checkpoint" same_pixels pt.png a.ppm.png
succeed convert r.pt from_pt.safetensors
check "the weights of a checkpoint" same_data from_pt.safetensors back.safetensors
succeed convert "$avatars/generator.safetensors" half.pt --names rosinality --type bfloat16
succeed convert half.safetensors half_r.safetensors --names rosinality --type bfloat16
check "a checkpoint of short numbers" python3 same_as.py half.pt half_r.safetensors

# a delta becomes a whole generator
succeed adapt --target "a zombie" --steps 2 --out run
succeed convert run/adapted.safetensors whole.safetensors
pictures run/adapted.safetensors delta.png
succeed generate --generator run/adapted.safetensors --generator whole.safetensors --count 4 --out both.png
succeed convert run/adapted.safetensors whole_r.safetensors --names rosinality
[ "$(hash whole_r.safetensors)" = "$(hash whole.safetensors)" ] || fail "the adapted weights changed on the way"
succeed convert run/adapted.safetensors whole.pt --names rosinality
check "an adapted generator as a checkpoint" python3 same_as.py whole.pt whole_r.safetensors
pictures whole.pt whole_pt.png
check "pictures of an adapted generator's checkpoint" same_pixels whole_pt.png delta.png
[ "$(hash whole.safetensors)" != "$(hash back.safetensors)" ] || fail "the adapted weights are those of the base"

# a graph for other runtimes: what it computes, tests/onnx/compare.py says
succeed convert "$avatars/generator.safetensors" base.onnx
check "inputs and outputs are told" grep -Eq "^ +[0-9]+ nodes, opset 17: z psi -> images" out.txt
succeed convert run/adapted.safetensors zombie.onnx --to onnx
for words in nada.target "a zombie" nada.base_sha256 nada.sha256 nada.version "Toon Head by Johan Melin"; do
  check "the metadata hold '$words'" grep -aqF "$words" zombie.onnx
done
[ "$(stat -c %s base.onnx)" -gt "$(stat -c %s float32.safetensors)" ] || fail "an ONNX file without all weights"
mkdir again
succeed convert run/adapted.safetensors again/zombie.onnx --base "$avatars/generator.safetensors"
check "the same graph each time" cmp zombie.onnx again/zombie.onnx
cmp -s base.onnx zombie.onnx && fail "the adapted generator's graph is its base's"

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
check "what is guessed is told" grep -q 'warning: openai/model.safetensors: does not say its activation' err.txt
check "mean and deviation are exact" grep -aq '0.48145466 0.4578275 0.40821073' straight.safetensors
succeed convert openai/model.safetensors erf.safetensors --gelu erf
check "what is said is not guessed" sh -c "! grep -q 'does not say' err.txt"
check "the other activation" sh -c "'$programs/inspect' erf.safetensors | grep -q '^activation  *GELU'"
cmp -s again.safetensors straight.safetensors || fail "the encoder changed on the way through Hugging Face's names"

# mistakes
expect_error 'r.safetensors exists; --force replaces it' convert back.safetensors r.safetensors
for out in x.pt x.bin x 'x.pt --names native' 'x.ckpt --names rosinality' 'x.pt --names openai'; do
  # shellcheck disable=SC2086
  expect_error "cannot write ${out%% *}: the file's ending is .safetensors, for every model, or .pt, for a generator with --names rosinality" \
    convert back.safetensors $out
done
expect_error "cannot write x.safetensors with --to onnx: its ending would be .onnx" \
  convert back.safetensors x.safetensors --to onnx
expect_error "option to: expected safetensors, pt, onnx or auto, found 'tflite'" convert back.safetensors x.onnx --to tflite
expect_error 'an ONNX file holds what a generator computes, in float32' convert back.safetensors x.onnx --type float16
expect_error 'an ONNX file holds what a generator computes, in float32' convert back.safetensors x.onnx --names rosinality
expect_error 'is a CLIP encoder.*; only a generator, whole or a delta, can be written as ONNX' \
  convert "$avatars/encoder_vit.safetensors" x.onnx
[ ! -e x.onnx ] || fail "a refused conversion left x.onnx"
expect_error 'r.pt exists; --force replaces it' convert back.safetensors r.pt --names rosinality
expect_error "names are native, openai or huggingface, found 'rosinality'" \
  convert "$avatars/encoder_vit.safetensors" x.pt --names rosinality
expect_error "option type: expected same, float32" convert back.safetensors x.safetensors --type int8
expect_error "names are native or rosinality, found 'openai'" convert back.safetensors x.safetensors --names openai
expect_error "only vision transformers" convert "$avatars/encoder_rn.safetensors" x.safetensors --names huggingface
succeed inspect "$sources/tests/golden/siglip"
check "a SigLIP in its folder" grep -zEq "a SigLIP encoder with Hugging Face's names.*resolution +11 px.*embedding +8 " out.txt
expect_error 'is a SigLIP, which has no native form' convert "$sources/tests/golden/siglip" x.safetensors
expect_error "has no component 'G'" convert back.safetensors x.safetensors --component G
expect_error 'is the state of a run' convert run/state.safetensors x.safetensors
expect_error 'this generator has no classes' generate --class 1 --count 1
expect_error 'is a folder without a model' inspect run
[ -z "$(find . -maxdepth 1 -name "x*")" ] || fail "a failed conversion left a file"
no_temporaries .
finish
