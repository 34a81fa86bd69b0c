# Shared by the tests of the programs. Called as: NAME.sh PROGRAMS SOURCES, where PROGRAMS is the folder of the built programs.
# Every check that fails is told; the script then ends with 1.
set -u
export LC_ALL=C.UTF-8
programs=$(cd "$1" && pwd) sources=$(cd "$2" && pwd)
avatars=$sources/configs/avatars
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}
check() {  # check "what should hold" COMMAND...
  local what=$1
  shift
  "$@" || fail "$what"
}

# expect_error "pattern of the sentence" PROGRAM ARGS...: exit code 1, one line that says so, no trace of a crash.
expect_error() {
  local pattern=$1 code
  shift
  "$programs/$@" > out.txt 2> err.txt
  code=$?
  [ "$code" = 1 ] || fail "exit code $code, expected 1: $*: $(tail -2 err.txt)"
  [ "$(grep -c '^error: ' err.txt)" = 1 ] || fail "expected one line 'error: ...' from $*, found: $(cat err.txt)"
  grep -Eq -- "^error: .*$pattern" err.txt || fail "expected '$pattern' from $*, found: $(cat err.txt)"
  ! grep -Eq 'frame #|terminate called|Segmentation|what\(\)' err.txt || fail "a stack trace from $*: $(head -3 err.txt)"
}
# succeed PROGRAM ARGS...: exit code 0.
succeed() {
  "$programs/$@" > out.txt 2> err.txt || fail "exit code $? from $*: $(tail -3 err.txt)"
}
# same_data A B: both safetensors files hold the same bytes of tensors, all of them; headers may say other paths.
data_of() {
  local length
  length=$(od -An -v -t u8 -N 8 "$1" | tr -d ' ')
  tail -c +$((9 + length)) "$1"
}
same_data() {
  [ -s "$1" ] && [ -s "$2" ] && [ -n "$(data_of "$1" | head -c 1 | od -An -v -t x1)" ] && cmp <(data_of "$1") <(data_of "$2")
}
# same_pixels A B: both pictures have the same size and pixels; their text chunks may say other paths.
pixels_of() { ffmpeg -v error -i "$1" -f rawvideo -pix_fmt rgb24 - < /dev/null; }
same_pixels() {
  [ -s "$1" ] && [ -s "$2" ] && [ "$(head -c 24 "$1" | od -v -t x1)" = "$(head -c 24 "$2" | od -v -t x1)" ] &&
    [ "$(pixels_of "$1" | wc -c)" -gt 0 ] && cmp <(pixels_of "$1") <(pixels_of "$2")
}
# nearly_same_pixels A B: same_pixels, but for differences of one level. How many samples are computed together decides how the last bits of
# their matrix products are rounded, and so may move a pixel by one.
nearly_same_pixels() {
  [ "$(head -c 24 "$1" | od -v -t x1)" = "$(head -c 24 "$2" | od -v -t x1)" ] && [ "$(pixels_of "$1" | wc -c)" -gt 0 ] &&
    cmp -l <(pixels_of "$1") <(pixels_of "$2") | awk '
      function value(octal) { return 64 * int(octal / 100) + 8 * (int(octal / 10) % 10) + octal % 10 }
      { d = value($2) - value($3); if (d > 1 || d < -1) far = 1 } END { exit far }'
}
no_temporaries() {  # in a folder, at any depth
  local left
  left=$(find "$1" -name '*.tmp')
  [ -z "$left" ] || fail "temporary files are left: $left"
}
finish() {
  if [ "$failures" = 0 ]; then echo "all checks passed"; else echo "$failures checks failed"; exit 1; fi
}
