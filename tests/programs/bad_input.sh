#!/usr/bin/env bash
# Each mistake of a user gives one sentence that names what was expected and found, exit code 1, and nothing half-written.
. "$(dirname "$0")/lib.sh" "$@"
run=(adapt --target "a zombie" --steps 1)
head_of() { head -c "$1" "$avatars/generator.safetensors"; }

# files
expect_error 'missing.safetensors: no such file' "${run[@]}" --generator missing.safetensors --encoder "$avatars/encoder_vit.safetensors" --source x
header=$(od -An -t u8 -N 8 "$avatars/generator.safetensors" | tr -d ' ')
whole=$(stat -Lc %s "$avatars/generator.safetensors")
for size in 0 1 7 8 9 $((header / 2)) $((header + 7)) $((header + 8)) $((header + 9)) 1000000 $((whole - 1)); do
  head_of "$size" > cut.safetensors
  expect_error 'cut.safetensors' generate --generator cut.safetensors
done
{ printf '\377\377\377\377\377\377\377\177'; head_of 2000 | tail -c +9; } > long.safetensors
expect_error 'long.safetensors.*header' generate --generator long.safetensors
printf 'hello, this is no model' > text.safetensors
expect_error 'text.safetensors' inspect text.safetensors
expect_error "encoder_vit.safetensors is a CLIP encoder, expected a generator" generate --generator "$avatars/encoder_vit.safetensors"
expect_error "generator.safetensors is a StyleGAN2 generator, expected a CLIP encoder" "${run[@]}" --generator "$avatars/generator.safetensors" \
  --encoder "$avatars/generator.safetensors" --source "a face"
expect_error 'is a folder|a directory' generate --generator "$avatars"

# pickles that want more than to be read: a sentence for each, at once and without running anything
hostile() {  # hostile "bytes for printf" "what was found"
  printf "$1" > hostile.pkl
  expect_error "hostile.pkl: $2" inspect hostile.pkl
}
hostile 'cos\nsystem\n(S"touch owned"\ntR.' '.*the pickle wants to call os.system, which was not done'
hostile '\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch owned\x85R.' '.*the pickle wants to call posix.system, which was not done'
check "nothing that a pickle names ran" test ! -e owned
hostile '\x80\x02X\xff\xff\xff\xffabc.' "the pickle's byte 7 announces 4294967295 bytes, and 4 follow: it is cut off or damaged"
hostile '\x80\x02h\x01.' "the pickle's byte 4 asks for the value 1, which was not kept"
hostile '\x80\x02}q\x01X\x01\x00\x00\x00ah\x01s.' 'nests modules deeper than 64'
hostile "\\x80\\x02$(head -c 100000 /dev/zero | tr '\0' '(')." 'nests values deeper than 1000'

# options
expect_error 'no target text' adapt
expect_error "source and target are the same text" adapt --target "a cartoon portrait"
expect_error 'option steps: expected at least 1, found 0' adapt --target "a zombie" --steps 0
expect_error 'steps: expected a whole number' adapt --target "a zombie" --steps ten
expect_error 'k is 40, but only 11 styles' adapt --target "a zombie" --layers adaptive:40
expect_error "there is no layer 'conv.7'; the layers are mapping.0" adapt --target "a zombie" --layers conv.7
expect_error 'option views: expected plain or crops' adapt --target "a zombie" --views none
expect_error 'option blur is 2, expected 0 to 1' adapt --target "a zombie" --blur 2
expect_error 'option select-every: expected at least 1, found 0' adapt --target "a zombie" --select-every 0
expect_error 'adaptive:K or adaptive:K/N needs whole numbers from 1' adapt --target "a zombie" --layers adaptive:0
expect_error "the parameterization 'low-rank-0' is not known here; there are full" adapt --target "a zombie" --parameterization low-rank-0
expect_error "there is no term 'unheard'; there are away" adapt --target "a zombie" --term unheard=1
expect_error "within has no option 'size'; there are encoder, min-length" adapt --target "a zombie" --term within=1,size=3
expect_error 'the term global was given twice' adapt --target "a zombie" --term global=1
expect_error 'learning rate is -1' "${run[@]}" --lr=-1
expect_error 'batch is 0' "${run[@]}" --batch 0
expect_error 'weight of the term global' "${run[@]}" --global=-1
expect_error 'every term of the objective has weight 0' "${run[@]}" --directional 0 --global 0 --range 0 --learned 0
expect_error 'no encoder has a weight > 0' "${run[@]}" --generator "$avatars/generator.safetensors" --encoder "$avatars/encoder_vit.safetensors:0" --source "a face"
expect_error "unrecognised option '--taget'" adapt --taget "a zombie"
expect_error 'an argument too many' adapt --target a zombie
expect_error 'device must be auto, cpu, cuda' "${run[@]}" --device tpu
expect_error 'built without CUDA|no CUDA device' "${run[@]}" --device cuda
expect_error 'the text .* context|too long' "${run[@]}" --source "$(printf 'a very long text %.0s' $(seq 60))"
expect_error 'option format: expected png or jpg' generate --format gif
expect_error 'option count: expected' generate --count 0

# option files
printf 'target = a zombie\nstepz = 3\n' > key.cfg
expect_error "key.cfg:2: unknown key 'stepz'; the keys are target" adapt --config key.cfg
printf 'target = a zombie\nout = here\n' > out.cfg
expect_error "out.cfg:2: unknown key 'out'" adapt --config out.cfg
printf 'target = "a zombie\n' > quote.cfg
expect_error 'quote.cfg:1' adapt --config quote.cfg
expect_error 'none.cfg: no such file' adapt --config none.cfg
printf 'no placeholder\n' > templates.txt
expect_error 'templates.txt:1: a prompt template needs' "${run[@]}" --templates templates.txt

# values that need care come back as they were
value=$'a "zombie" = # 100% \\ of Zürich, 東京'
"$programs/adapt" --target "$value" --steps 1 --samples-every 0 --out odd > /dev/null 2> err.txt || fail "odd target: $(cat err.txt)"
"$programs/adapt" --config odd/options.cfg --dry-run > out.txt 2> /dev/null
check "a target with quotes, # and = survives" grep -qF "target          $value" out.txt
check "unknown words are named, with near ones" grep -q "warning: the encoders never read the word 'zürich'" err.txt
"$programs/adapt" --target "a zomby" --dry-run > out.txt 2> err.txt
check "a near word is offered" grep -q "'zomby'.*near ones: .*zombie" err.txt

# where a run may be written
touch file
expect_error 'file' "${run[@]}" --out file/run
expect_error 'is a file, expected' "${run[@]}" --out file
mkdir full && touch full/note
expect_error 'full is not empty' "${run[@]}" --out full
check "a refused folder stays as it was" test "$(ls -A full)" = note
expect_error 'not the folder of a run' adapt --resume full
expect_error 'cannot be changed when a run is continued' adapt --resume odd --seed 3
mkdir early && cp odd/options.cfg early/
expect_error 'nothing to resume' adapt --resume early
for _ in 1 2; do expect_error 'no such file|not the folder' adapt --resume nowhere; done

# another base, and weights that are no numbers
"$programs/adapt" --target "a devil" --steps 1 --samples-every 0 --layers conv.64.1 --out devil > /dev/null 2>&1
change_weight() {  # change_weight OUT BYTES: the first half-precision number of conv.8.0.weight
  perl -e '
    local $/; open(my $in, "<:raw", $ARGV[0]) or die; my $data = <$in>;
    my $n = unpack("Q<", $data);
    substr($data, 8, $n) =~ /"conv\.8\.0\.weight":\{[^}]*"data_offsets":\[(\d+)/ or die "no such tensor";
    substr($data, 8 + $n + $1, 2) = pack("S<", hex $ARGV[2]);
    open(my $out, ">:raw", $ARGV[1]) or die; print $out $data' "$avatars/generator.safetensors" "$1" "$2" || fail "perl could not write $1"
}
change_weight other.safetensors 3400 # 0.25
change_weight nan.safetensors 7e00
expect_error 'tensor conv.8.0.weight holds NaN' generate --generator nan.safetensors
expect_error 'belongs to another base' generate --generator devil/adapted.safetensors --base other.safetensors
mkdir -p moved/far && cp devil/adapted.safetensors moved/far/
expect_error 'its base .* is not there; give it with --base' generate --generator moved/far/adapted.safetensors
succeed generate --generator moved/far/adapted.safetensors --base "$avatars/generator.safetensors" --count 1 --out one.png
cp devil/state.safetensors state.safetensors && sed -i 's/"nada.seed":"0"/"nada.seed":"9"/' state.safetensors && cp state.safetensors devil/state.safetensors
expect_error 'nada.seed is 9' adapt --resume devil --steps 2

# a full disk: nothing half-written, one sentence
(ulimit -f 64 && "$programs/adapt" --target "a zombie" --steps 2 --state-every 1 --out disk > out.txt 2> err.txt)
code=$?
[ $code = 1 ] || fail "full disk: exit code $code"
grep -Eq '^error: cannot write .*(File too large|No space left)' err.txt || fail "full disk: $(cat err.txt)"
no_temporaries disk
finish
