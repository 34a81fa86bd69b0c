#!/usr/bin/env bash
# The ablation programs in small: every variant runs, tables agree with cells, what was interrupted goes on where it was.
. "$(dirname "$0")/lib.sh" "$@"

# Few cells of each program; all variants of one.
quick() {
  local program=$1
  shift
  succeed $program --quick --generator "$avatars/generator_64.safetensors" --out $program "$@"
  for file in table.md means.csv costs.csv cells.csv grid.png options.cfg plot.gp; do
    [ -s $program/$file ] || fail "$program: $file is missing"
  done
}
quick ablate_losses --only both,global,moment,ewc,patches,lpips --lpips "$sources/tests/golden/lpips/tiny.safetensors"
quick ablate_layers --only top-6,random-6,gradient-6,phase-texture
quick ablate_parameterizations --only full,style-offsets-top-20,low-rank-4
quick ablate_encoders --only both,second
quick ablate_shifts --only text,one-picture,both-pictures --steps 4
check "a number that was given beside --quick stays" grep -q "^steps = 4$" ablate_shifts/options.cfg
no_temporaries .

value() { awk -F, -v row="$2" -v name="$3" 'NR == 1 {for (i = 1; i <= NF; ++i) if ($i == name) c = i} $1 == row {print $c}' "$1"; }
check "offsets are few" awk "BEGIN {exit !($(value ablate_parameterizations/costs.csv style-offsets-top-20 parameters) < 2000)}"
check "full weights are many" awk "BEGIN {exit !($(value ablate_parameterizations/costs.csv full parameters) > 500000)}"
check "a cell knows its memory" awk "BEGIN {exit !($(value ablate_layers/costs.csv top-6 peak_mib) > 100)}"
check "one row a cell" test "$(wc -l < ablate_layers/cells.csv)" = 9
# the mean over two cells and the paired difference, by hand
mean() { awk -F, -v row="$1" 'NR == 1 {for (i = 1; i <= NF; ++i) if ($i == "text_score") c = i} $1 == row {s += $c} END {printf "%.6f", s / 2}' ablate_layers/cells.csv; }
near() { awk "BEGIN {d = $1 - $2; exit !(d < 2e-6 && d > -2e-6)}"; }
check "means are those of the cells" near "$(value ablate_layers/means.csv random-6 text_score)" "$(mean random-6)"
check "differences are paired" near "$(value ablate_layers/differences.csv random-6 text_score)" \
  "$(awk "BEGIN {print $(mean random-6) - $(mean top-6)}")"

# A cell that is missing is run again, to the same numbers; the others are left alone.
cell=ablate_layers/cells/random-6.sketch.1.json
sed '/seconds\|peak_mib/d' $cell > before.json
others=$(find ablate_layers/cells -name '*.json' ! -name random-6.sketch.1.json -exec sha256sum {} + | sort)
rm $cell
succeed ablate_layers --quick --generator "$avatars/generator_64.safetensors" --out ablate_layers --only top-6,random-6,gradient-6,phase-texture
check "the cell is the same again" sh -c "sed '/seconds\|peak_mib/d' $cell | cmp - before.json"
check "the others were not run" test "$others" = "$(find ablate_layers/cells -name '*.json' ! -name random-6.sketch.1.json -exec sha256sum {} + | sort)"

# Job arrays: one cell at a time, then the tables.
for n in 0 1; do succeed ablate_encoders --quick --generator "$avatars/generator_64.safetensors" --out array --only both --cell $n; done
[ ! -e array/table.md ] || fail "--cell wrote a table"
succeed ablate_encoders --quick --generator "$avatars/generator_64.safetensors" --out array --only both
check "cells of an array are those of a run" sh -c "cut -d, -f1-3,7- array/cells.csv > a; grep '^both\|^variant' ablate_encoders/cells.csv | cut -d, -f1-3,7- | cmp - a"

# Killed in the middle, it goes on at the missing cell.
"$programs/ablate_encoders" --quick --generator "$avatars/generator_64.safetensors" --out killed --jobs 1 > out.txt 2> err.txt &
parent=$!
for _ in $(seq 600); do
  [ -e killed/cells/both.sketch.0.json ] && break
  sleep 0.1
done
kill -TERM $parent
wait $parent
left=$(find killed/cells -name '*.json' | wc -l)
[ "$left" -lt 10 ] || fail "all cells were done before the kill"
succeed ablate_encoders --quick --generator "$avatars/generator_64.safetensors" --out killed
check "all cells are there" test "$(find killed/cells -name '*.json' | wc -l)" = 10
no_temporaries killed

# What a cell keeps: metrics in order with their intervals, the ends of the loss terms. Files of before are read beside them.
check "loss terms are columns" grep -q '^variant,target,.*,found,.*,identity,term:directional,term:global,term:range$' ablate_layers/cells.csv
check "comparisons have corrected values" grep -q '^random-6,text_score,' ablate_layers/comparisons.csv
check "one target is told" grep -q 'over the 2 seeds of this one target' ablate_layers/table.md
cp -r ablate_layers before
for file in before/cells/*.json; do
  python3 - "$file" << 'END'
import json, sys
cell = json.load(open(sys.argv[1]))
cell["metrics"] = {m["name"]: m["value"] for m in cell["metrics"] if not m["name"].startswith("term:")}
json.dump(cell, open(sys.argv[1], "w"))
END
done
succeed ablate_layers --quick --generator "$avatars/generator_64.safetensors" --out before --only top-6,random-6,gradient-6,phase-texture
check "cells of before give the same means" test "$(value before/means.csv random-6 text_score)" = "$(value ablate_layers/means.csv random-6 text_score)"

# How many targets would do, from two targets; nothing is run for it. Grids of each target.
succeed ablate_encoders --steps 2 --batch 2 --count 20 --targets sketch,zombie --seeds 2 --only both,first --keep-deltas --out two
for file in two/grid.png two/grid.sketch.png two/grid.zombie.png two/cells/first.zombie.1.safetensors; do check "$file" test -s $file; done
check "a page over targets" grep -q '95% t-interval over the 2 targets' two/table.md
rm two/cells/first.zombie.1.json
succeed ablate_encoders --steps 2 --batch 2 --count 20 --targets sketch,zombie --seeds 2 --only both,first --power text_score=0.1 --out two
check "power is told" grep -q '^| text_score | between targets | within targets | 1 seed |' out.txt
check "nothing was run" test ! -e two/cells/first.zombie.1.json
expect_error "no cell is in" ablate_encoders --power 1 --out nowhere
check "no folder was made" test ! -e nowhere
succeed ablate_losses --help
check "the help names the variants" grep -q '^  both directional global .*' out.txt
check "and which need an option" sh -c "tr -s '\n ' ' ' < out.txt | grep -q 'lpips (needs an option)'"

expect_error "'sketch' is named twice" ablate_losses --targets sketch,zombie,sketch
expect_error "there is no variant 'nothing'" ablate_losses --only nothing --quick
expect_error "no target called 'nobody'" ablate_losses --targets nobody --quick
expect_error "other options" ablate_layers --quick --generator "$avatars/generator_64.safetensors" --lr 0.01 --out ablate_layers
expect_error "cannot measure" ablate_losses --quick --generator "$avatars/generator_64.safetensors" --measure "$avatars/encoder_rn.safetensors"
expect_error "expected 0 to 1" ablate_encoders --quick --generator "$avatars/generator_64.safetensors" --out array --only both --cell 9
finish
