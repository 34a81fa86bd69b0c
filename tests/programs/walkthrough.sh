#!/usr/bin/env bash
# docs/walkthrough.ipynb from top to bottom, on a copy: every cell runs, the files that it speaks of are there, and what is committed is
# small and whole. NADA_WALKTHROUGH=FILE keeps the executed notebook there: so the committed one is made.
. "$(dirname "$0")/lib.sh" "$@"
unset PYTHONHOME PYTHONPATH
export PYTHONNOUSERSITE=1 JUPYTER_PATH=/usr/share/jupyter JUPYTER_CONFIG_DIR=$work/.jupyter JUPYTER_DATA_DIR=$work/.jupyter
export JUPYTER_RUNTIME_DIR=$work/.jupyter IPYTHONDIR=$work/.ipython MPLCONFIGDIR=$work/.matplotlib
python=/usr/bin/python3 # Debian's, whichever other is first on PATH
notebook=$sources/docs/walkthrough.ipynb
for module in nbconvert ipykernel numpy matplotlib; do
  if ! "$python" -c "import $module" 2> /dev/null; then
    echo "SKIPPED: the notebook was not run: $python has no $module"
    exit 0
  fi
done

# A clone as the notebook sees it, with the programs that are built.
mkdir docs
cp "$notebook" docs/
ln -s "$sources/configs" configs
printf '#!/bin/sh\nprogram=$1\nshift\nexec "%s/$program" "$@"\n' "$programs" > quickstart
chmod +x quickstart
(cd docs && "$python" -m nbconvert --to notebook --execute --inplace --ExecutePreprocessor.timeout=1200 \
  --ExecutePreprocessor.record_timing=False walkthrough.ipynb) > out.txt 2> err.txt || fail "the notebook: $(tail -n 20 err.txt)"
for file in runs/a-zombie-1/report.html runs/a-zombie-1/metrics.csv runs/a-zombie-1/adapted.safetensors runs/walkthrough/presets.png \
  runs/face-inversion-1/comparison.png runs/face-stylized-1/stylized.png runs/walkthrough/ablation/means.csv runs/walkthrough/ablation/grid.png; do
  [ -s $file ] || fail "$file is missing"
done
no_temporaries runs

# What was executed now, and what is committed
if [ -n "${NADA_WALKTHROUGH:-}" ]; then
  [ "$failures" != 0 ] || cp docs/walkthrough.ipynb "$NADA_WALKTHROUGH"
  notebook=docs/walkthrough.ipynb
fi
for file in docs/walkthrough.ipynb "$notebook"; do
  "$python" - "$file" << 'END' || fail "$file"
import ast, json, os, re, sys
notebook = json.load(open(sys.argv[1], encoding="utf-8"))
cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
wrong = []
if [cell["execution_count"] for cell in cells] != list(range(1, len(cells) + 1)):
    wrong.append("the cells were not executed once from top to bottom")
outputs = [output for cell in cells for output in cell["outputs"]]
if any(output["output_type"] == "error" for output in outputs):
    wrong.append("a cell failed")
if any(output.get("name") == "stderr" for output in outputs):
    wrong.append("a cell wrote to stderr")
pictures = sum(any(kind.startswith("image/") for kind in output.get("data", {})) for output in outputs)
if pictures < 8:
    wrong.append(f"{pictures} pictures, expected at least 8")
if os.path.getsize(sys.argv[1]) > 1_500_000:
    wrong.append(f"{os.path.getsize(sys.argv[1])} bytes, expected at most 1.5 million")
shown = json.dumps([[o.get("text"), [v for k, v in o.get("data", {}).items() if k.startswith("text/")]] for o in outputs])
if found := re.search(r"/(root|home|tmp|work|usr|build)/[^\"\\]*", shown):
    wrong.append(f"a path of the machine is shown: {found.group()}")
modules = set()
for cell in cells:
    for node in ast.walk(ast.parse("".join(cell["source"]))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) else []
        modules |= {name.split(".")[0] for name in names}
if more := modules - set(sys.stdlib_module_names) - {"numpy", "matplotlib"}:
    wrong.append(f"imports {sorted(more)}")
print(*wrong, sep="\n", end="\n" if wrong else "")
sys.exit(bool(wrong))
END
done
finish
