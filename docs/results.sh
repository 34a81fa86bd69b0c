#!/usr/bin/env bash
# Runs what docs/results.md shows and puts the tables and pictures into the page; the sentences between them are
# written by hand. Cells that are in runs/results already are not run again: remove it after the weights have changed.
#   docs/results.sh [targets|losses|layers ...]      default: all
# NADA_PROGRAMS=FOLDER takes programs that are built already.
set -euo pipefail
cd "$(dirname "$0")/.."
out=runs/results
sections=("$@")
((${#sections[@]})) || sections=(targets losses layers)

common=(--generator configs/avatars/generator_64.safetensors --targets sketch,zombie,statue --steps 120 --batch 4 --count 200)
declare -A programs=([losses]=ablate_losses [layers]=ablate_layers)
declare -A seeds=([losses]=3 [layers]=3)
declare -A variants=([losses]=both,directional,global
  [layers]=top-6,all,top-8,top-3,top-1,top-6-each-step,random-6,gradient-6,official-6)

# The page's part between <!-- NAME --> and <!-- end of NAME --> becomes FILE.
put() {
  awk -v name="$1" -v file="$2" '
    $0 == "<!-- " name " -->" {print; while ((getline line < file) > 0) print line; skip = 1}
    $0 == "<!-- end of " name " -->" {skip = 0}
    !skip' docs/results.md > docs/results.md.tmp
  mv docs/results.md.tmp docs/results.md
}

# run PROGRAM ARGUMENTS...
run() {
  if [[ -n ${NADA_PROGRAMS-} ]]; then "$NADA_PROGRAMS/$1" "${@:2}"; else ./quickstart "$@"; fi
}
export -f run

# target NAME TEXT SEED FOLDER: a default run, which of the list's texts is found in it, and its distances.
target() {
  set -euo pipefail
  local cell=$4/$1-$3 avatars=configs/avatars
  [[ ! -e $cell.csv ]] || return 0
  [[ -e $cell/adapted.safetensors ]] || rm -rf "$cell"
  [[ -e $cell ]] || run adapt --config $avatars/small.cfg --target "$2" --seed "$3" --threads 1 --out "$cell" > "$cell.log" 2>&1
  run rank --generator "$cell/adapted.safetensors" --count 200 --threads 1 > "$cell.rank" 2>> "$cell.log"
  run evaluate --generator $avatars/generator_64.safetensors --generator "$cell/adapted.safetensors" \
    --base $avatars/generator_64.safetensors --real "$avatars/targets/$1.png" --tile 64 --target "$2" --count 200 --threads 1 \
    --out "$cell" >> "$cell.log" 2>&1
}
export -f target

# The default on every target that there are pictures of, three seeds.
targets() {
  local folder=$out/targets name text
  mkdir -p "$folder"
  for program in adapt rank evaluate; do run "$program" --version; done > "$folder/build.log" 2>&1  # built before the cells
  sed -n 's/.*"name": "\([^"]*\)", "text": "\([^"]*\)", "role": "target", "pictures".*/\1\t\2/p' \
    configs/avatars/targets.json > "$folder/targets.txt"
  while IFS=$'\t' read -r name text; do
    for seed in 0 1 2; do printf '%s\0%s\0%s\0%s\0' "$name" "$text" "$seed" "$folder"; done
  done < "$folder/targets.txt" | xargs -0 -n 4 -P "$(nproc)" bash -c 'target "$@"' target
  {
    printf '\nTable of %s, nada %s.\n\n' "$(date -u +%Y-%m-%d)" "$(git describe --always --dirty 2> /dev/null || echo '(unknown version)')"
    printf '| target | first | text score before | after | Frechet distance before | after | CMMD before | after |\n'
    printf '|---|---|---|---|---|---|---|---|\n'
    while IFS=$'\t' read -r name text; do
      for seed in 0 1 2; do
        awk -v name="$name" '$2 == name {found = $1 + 0} END {printf "%.10g,", found}' "$folder/$name-$seed.rank"
        awk -F, 'NR == 1 {for (i = 1; i <= NF; ++i) at[$i] = i}
          NR > 1 {printf "%s%s,%s,%s", (NR > 2 ? "," : ""), $at["text_score"], $at["frechet"], $at["cmmd"]}
          END {print ""}' "$folder/$name-$seed.csv"
      done | awk -F, -v text="$text" '
        # mean and half of the 95% t-interval of three
        function interval(i, format,   mean, r) {
          mean = sum[i] / 3
          r = (square[i] - 3 * mean * mean) / 2
          return sprintf(format " ± " format, mean, 4.3027 * sqrt((r > 0 ? r : 0) / 3))
        }
        {
          for (i = 1; i <= NF; ++i) {sum[i] += $i; square[i] += $i * $i}
          least = NR == 1 || $1 < least ? $1 : least
          most = $1 > most ? $1 : most
        }
        END {
          printf "| %s | %s | %.2f | %s | %.0f | %s | %.1f | %s |\n", text, (least == most ? least "%" : least " to " most "%"),
            sum[2] / 3, interval(5, "%.2f"), sum[3] / 3, interval(6, "%.0f"), sum[4] / 3, interval(7, "%.2f")
        }'
    done < "$folder/targets.txt"
    printf '\n'
  } > "$out/targets.md"
  put targets "$out/targets.md"
}

for section in "${sections[@]}"; do
  if [[ $section == targets ]]; then
    targets
    continue
  fi
  program=${programs[$section]}
  command=("$program" "${common[@]}" --seeds "${seeds[$section]}" --only "${variants[$section]}" --out "$out/$section")
  run "${command[@]}"
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
# The sentences that the new figures do not carry; they are reworded by hand.
python3 tests/docs/claims.py
