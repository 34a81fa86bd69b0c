#!/usr/bin/env bash
# sweep in small: a grid, drawn samples, job arrays, a kill; what a folder holds goes on, and compare reads it.
. "$(dirname "$0")/lib.sh" "$@"

printf '%s\n' '# in small' 'steps = 1' 'batch = 2' 'count = 20' 'targets = sketch' 'seeds = 0,3' 'lr = 0.001 | 0.004' > rates.cfg
succeed sweep rates.cfg --list
check "a line a cell" test "$(grep -c '^| [0-9]' out.txt)" = 4
check "the list tells values and seeds" grep -Eq '^\| 2 \| [0-9a-f]{8} \| sketch \| 3 \| no \| 0.001 \|$' out.txt
check "a list makes nothing" test ! -e runs

# One cell by its number, the first of the others, a kill, then the rest.
succeed sweep rates.cfg --out out --cell 3
check "one cell is there" test "$(find out/cells -name '*.json' | wc -l)" = 1
[ ! -e out/results.csv ] || fail "--cell wrote results"
first=$(find out/cells -name '*.json')
sum=$(sha256sum "$first")
"$programs/sweep" rates.cfg --out out --jobs 1 > out.txt 2> err.txt &
parent=$!
for _ in $(seq 600); do
  [ "$(find out/cells -name '*.json' | wc -l)" -ge 2 ] && break
  sleep 0.05
done
kill -KILL $parent
wait $parent 2> /dev/null
sleep 4  # the killed one's cell ends by itself
succeed sweep rates.cfg --out out --jobs 2
check "all cells are there" test "$(find out/cells -name '*.json' | wc -l)" = 4
check "a cell that was there was not run again" test "$sum" = "$(sha256sum "$first")"
for file in results.csv results.md best.cfg sweep.cfg table.md cells.csv means.csv differences.csv grid.png; do check "$file" test -s out/$file; done
check "what varies is a column" grep -q '^best,variant,lr,found,' out/results.csv
check "one is best" test "$(grep -c '^\*,' out/results.csv)" = 1
check "cells say who made them" grep -q '"made_by": "sweep of nada ' "$first"
check "and what varied" grep -q '"lr": "0.00' "$first"
no_temporaries out

# The same numbers in one go; adapt takes the best options.
succeed sweep rates.cfg --out again --jobs 2
numbers() { cut -d, -f1-3,7- "$1/cells.csv"; }
check "an interrupted sweep has the numbers of one in one go" cmp <(numbers out) <(numbers again)
succeed adapt --config out/best.cfg --target "a zombie" --dry-run

# One more value keeps the cells of the others; a file in the folder is the whole sweep.
sed 's/0.004/0.004 | 0.002/' rates.cfg > more.cfg
succeed sweep more.cfg --out out --list
check "four are done" test "$(grep -c '| yes |' out.txt)" = 4
succeed sweep out/sweep.cfg --out again --list
check "the kept file means the same cells" test "$(grep -c '| yes |' out.txt)" = 4
sed -i 's/"sweep of nada [^"]*"/"sweep of nada 0"/' "$first"
rm again/cells/*.json
cp out/cells/*.json again/cells/
succeed sweep rates.cfg --out again --jobs 2
check "cells of another version are told" grep -q '^note: 1 of 4 cells in .*made by sweep of nada 0 and stay' err.txt
check "the page says so" grep -q 'cells made by sweep of nada 0 (1)' again/table.md

# Drawn samples
printf '%s\n' 'steps = 1' 'batch = 2' 'count = 20' 'targets = sketch' 'seeds = 1' 'samples = 3' 'global = uniform(0.5, 4)' > drawn.cfg
succeed sweep drawn.cfg --list
cp out.txt three.txt
succeed sweep drawn.cfg --samples 4 --list
check "more samples keep those before" cmp <(head -5 out.txt) three.txt

# Exits and precisions vary; all cells are measured on images of the generator's size
printf '%s\n' 'steps = 1' 'batch = 2' 'count = 20' 'targets = sketch' 'seeds = 1' 'exit = full | 32' 'precision = float32 | bfloat16' > shapes.cfg
succeed sweep shapes.cfg --out shapes --jobs 2
check "four cells" test "$(find shapes/cells -name '*.json' | wc -l)" = 4
check "of one size" test "$(for file in shapes/cells/*.png; do od -An -tx1 -j16 -N8 "$file"; done | sort -u | wc -l)" = 1
check "whose numbers differ" test "$(tail -n +2 shapes/cells.csv | cut -d, -f6- | sort -u | wc -l)" = 4
printf 'precision = auto | float32\n' > auto.cfg
expect_error "option precision: expected float32 or bfloat16 in a sweep, found 'auto'" sweep auto.cfg --list

# Side by side
succeed compare out
check "a row a cell" test "$(grep -c '^| out/' out.txt)" = 4
succeed compare out --group --csv
check "a row a rate" test "$(grep -c '^out/' out.txt)" = 2
check "with intervals" grep -q '^run,runs,lr,variant,steps,loss,loss_low,loss_high,' out.txt
for seed in 1 2; do succeed adapt --target "a zombie" --steps 2 --batch 2 --seed $seed --samples-every 0 --out run-$seed; done
succeed evaluate --generator run-1/adapted.safetensors --count 20 --out run-1/evaluation
cp -r run-2 unfinished
rm unfinished/adapted.safetensors
succeed compare run-1 run-2/ unfinished missing
check "seeds differ, nothing else" grep -q '^| run | seed | steps | loss | directional | global | range | .*text_score .*| seconds | code |$' out.txt
check "what is unfinished is told" grep -q '^note: unfinished is unfinished: it has no adapted.safetensors' err.txt
check "what is no run is told" grep -q '^note: missing is no folder of a run' err.txt

expect_error 'no sweep file was given' sweep
expect_error 'no such file' sweep missing.cfg
printf 'rate = 1 | 2\n' > key.cfg
expect_error "key.cfg:1: unknown key 'rate'; the keys are targets" sweep key.cfg
expect_error "no target called 'nobody'" sweep rates.cfg --targets nobody --list
expect_error "there is no metric 'beauty'" sweep rates.cfg --best beauty --list
expect_error 'expected 0 to 3, found 9' sweep rates.cfg --cell 9 --out out
expect_error 'no run was given' compare
expect_error 'is no folder of a run' compare missing
finish
