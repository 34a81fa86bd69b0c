#!/usr/bin/env bash
# Runs the ablations of docs/results.md and puts their tables and pictures into the page; the sentences between them are
# written by hand. Cells that are in runs/results already are not run again: remove it after the weights have changed.
#   docs/results.sh [losses|layers ...]      default: all
# NADA_PROGRAMS=FOLDER takes programs that are built already.
set -euo pipefail
cd "$(dirname "$0")/.."
out=runs/results
sections=("$@")
((${#sections[@]})) || sections=(losses layers)

common=(--targets sketch,zombie,statue --steps 60 --batch 4 --count 200)
declare -A programs=([losses]=ablate_losses [layers]=ablate_layers)
declare -A seeds=([losses]=3 [layers]=3)
declare -A variants=([losses]=both,directional,global
  [layers]=top-6,all,top-3,top-1,top-6-each-step,random-6,gradient-6,official-6)

# The page's part between <!-- NAME --> and <!-- end of NAME --> becomes FILE.
put() {
  awk -v name="$1" -v file="$2" '
    $0 == "<!-- " name " -->" {print; while ((getline line < file) > 0) print line; skip = 1}
    $0 == "<!-- end of " name " -->" {skip = 0}
    !skip' docs/results.md > docs/results.md.tmp
  mv docs/results.md.tmp docs/results.md
}

for section in "${sections[@]}"; do
  program=${programs[$section]}
  command=("$program" "${common[@]}" --seeds "${seeds[$section]}" --only "${variants[$section]}" --out "$out/$section")
  if [[ -n ${NADA_PROGRAMS-} ]]; then "$NADA_PROGRAMS/${command[@]}"; else ./quickstart "${command[@]}"; fi
  {
    printf '\n    ./quickstart %s\n\n' "${command[*]}"
    printf 'Table of %s, nada %s, %s x %s.\n\n' "$(date -u -r "$out/$section/table.md" +%Y-%m-%d)" \
      "$(git describe --always --dirty 2> /dev/null || echo '(unknown version)')" "$(nproc)" \
      "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
    cat "$out/$section/table.md"
    printf '\n![Samples](images/results_%s.png)\n\n![Means and intervals](images/results_%s_plot.png)\n\n' "$section" "$section"
  } > "$out/$section.md"
  put "$section" "$out/$section.md"
  cp "$out/$section/grid.png" "docs/images/results_$section.png"
  [[ ! -e $out/$section/plot.png ]] || cp "$out/$section/plot.png" "docs/images/results_${section}_plot.png"
done
