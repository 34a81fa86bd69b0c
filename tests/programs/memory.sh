#!/usr/bin/env bash
# Reading a generator takes at most half of its file more than the file has, whatever the container. Measured from outside: the
# resident memory of `inspect`, which reads the whole generator, at its peak, pages of the file included, less that of `inspect` of a
# small generator. NADA_ALL=1 measures the largest official size.
. "$(dirname "$0")/lib.sh" "$@"
name=stylegan2-$([ "${NADA_ALL:-0}" = 1 ] && echo 1024 || echo 16)

# peak PROGRAM ARGS...: KiB.
peak() {
  python3 -c '
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)' "$programs/$1" "${@:2}" || echo "peak: $* failed" >&2
}

"$programs/tests/official_weights" "$name" g.pt "$name" g.legacy.pt "$name" g.pkl "$name" names.safetensors || fail "official_weights"
succeed convert g.pt native.safetensors
base=$(peak inspect "$avatars/generator.safetensors")
printf '%-18s %8s KiB\n' 'small generator' "$base"
for file in g.pt g.legacy.pt g.pkl names.safetensors native.safetensors; do
  size=$(($(stat -c %s $file) / 1024)) most=$(peak inspect $file)
  share=$(awk "BEGIN {printf \"%.2f\", ($most - $base) / $size}")
  printf '%-18s %8d KiB: a file of %d KiB takes %s times its size\n' $file "$most" $size "$share"
  check "$file takes $share times its size, expected at most 1.5" awk "BEGIN {exit !($share > 0.5 && $share <= 1.5)}"
done
# All are the same weights.
hash() { "$programs/inspect" "$1" | grep SHA-256; }
for file in g.legacy.pt g.pkl names.safetensors native.safetensors; do
  check "$file holds what g.pt holds" test "$(hash $file)" = "$(hash g.pt)"
done

if [ "${NADA_ALL:-0}" != 1 ]; then finish; exit; fi

# Too little memory is told in one sentence, with what needs less, and leaves no half file.
limited() {  # limited KIB PROGRAM ARGS...
  (ulimit -v "$1" && exec "$programs/$2" "${@:3}" --threads 1) > out.txt 2> err.txt
  check "$2 under $1 KiB ends with 2" test $? = 2
  check "$2 says one sentence" test "$(grep -c '^error: ' err.txt)" = 1
  grep -Eq '^error: not enough memory.*; less is needed with a smaller --' err.txt || fail "$2 under $1 KiB: $(tail -1 err.txt)"
}
limited 4000000 adapt --target "a zombie" --steps 1 --batch 20000 --samples-every 0 --out limited
check "the sentence names the batch" grep -q -- '--micro-batch, --batch, --exit' err.txt
[ ! -e limited ] || python3 "$sources/tests/programs/whole.py" limited || fail "adapt left that"
limited 4000000 generate --count 20000 --columns 20000 --out limited.png
check "nothing is half-written" test ! -e limited.png -a -z "$(find . -name '*.tmp')"
finish
