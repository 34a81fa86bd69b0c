#!/usr/bin/env bash
# docs/experiments.md from top to bottom, in a home of its own: each sh block runs, each block under a line "`file`:" is that
# file of the project ~/mine. Programs are compiled without optimisation.
. "$(dirname "$0")/lib.sh" "$@"
unset NADA_CONFIGS
export HOME=$work NADA_BUILD=$programs NADA_NO_INSTALL=1 CCACHE_DISABLE=1
export PATH=/usr/bin:$PATH  # the python3 of Debian, whichever other is first
export CMAKE_GENERATOR=Ninja CMAKE_BUILD_TYPE=Check CMAKE_BUILD_PARALLEL_LEVEL=2
ln -s "$sources" nada-clone
awk '
  /^`[A-Za-z_.]+`:/ { split($0, part, "`"); file = part[2]; next }
  /^```/ && on { if (file != "" && on == "file") print "END_OF_FILE"; on = ""; file = ""; next }
  /^```sh$/ { on = "sh"; next }
  /^```/ { on = file == "" ? "shown" : "file"; if (on == "file") print "cat > ~/mine/" file " << '\''END_OF_FILE'\''"; next }
  on == "file" || on == "sh" { print }
' "$sources/docs/experiments.md" > page.sh
check "the page has its parts" test "$(grep -c END_OF_FILE page.sh)" -ge 14
bash -eux page.sh > out.txt 2> err.txt || fail "the page: $(tail -n 30 err.txt)"

# What the page says that comes of it
for file in runs/first/report.html runs/second/adapted.safetensors runs/ablation/table.md; do check "$file" test -s mine/$file; done
check "the loss has its column" grep -q '^step,loss,directional,global,range,learned,smooth,seconds' mine/runs/first/metrics.csv
check "the own metric has its column" grep -q '^| generator | target .* identity | spread |' out.txt
check "the ablation has it too" grep -q '^variant,.*,identity,.*,spread,' mine/runs/ablation/means.csv
check "and the loss terms" grep -q ',term:directional,.*,term:global,.*,term:range,' mine/runs/ablation/means.csv
check "the sweep has its cells" grep -Eq '^\| 35 \| [0-9a-f]{8} \| statue \| 2 \| no \| 0.002 \| within=0.5 \|$' out.txt
check "runs and cells are side by side" grep -Eq '^\| runs/ablation/strong.sketch.1 \|' out.txt
check "the benchmark ran" grep -q 'loss_and_gradient<Smooth>' out.txt
check "Python read the run" grep -q '^target a zombie' out.txt
check "the ablation compares with its control" grep -q strong mine/runs/ablation/table.md
check "the package is whole" test -s nada/share/nada/configs/avatars/generator.safetensors

# The command of the page that needs weights of one's own: the generator alone is refused, with an encoder the recipe stays.
smooth() { mine/build/smooth --generator "$avatars/generator.safetensors" --target sketch --dry-run "$@" > out.txt 2> err.txt; }
check "a generator alone is refused" sh -c '! "$@" 2> err.txt' - mine/build/smooth --generator "$avatars/generator.safetensors" --target sketch
smooth --encoder "$avatars/encoder_vit.safetensors" --source photo || fail "models of one's own: $(cat err.txt)"
check "the recipe stays" grep -Eq '^  global +2$' out.txt
finish
