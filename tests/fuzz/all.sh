#!/usr/bin/env bash
# Fuzzes every target for a time and writes a table: executions, edges, findings, peak memory.
#     tests/fuzz/all.sh BUILD [SECONDS, 1800] [TARGET...] > table.md
# BUILD is the folder of the fuzz_* programs. libFuzzer's (docs/development.md) learn, and tell edges; those with our own driver run
# mutations of seeds and corpus. NADA_FUZZ_WORK=FOLDER keeps what was learned. SECONDS are of processor time a target. They run one after the
# other: give them a core of their own.
set -u
build=$(cd "$1" && pwd) seconds=${2:-1800}
shift $(($# < 2 ? $# : 2))
here=$(cd "$(dirname "$0")" && pwd)
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for program in "$build"/fuzz_*; do
    [ -f "$program" ] && [ -x "$program" ] && [ "$program" != "$build/fuzz_seeds" ] && targets+=("$(basename "$program" | cut -c6-)")
  done
fi
if [ -n "${NADA_FUZZ_WORK-}" ]; then
  work=$NADA_FUZZ_WORK  # kept: what libFuzzer found is there next time
  mkdir -p "$work"
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
cd "$work" || exit 1
"$build/fuzz_seeds" seeds || exit 1

echo "| target | executions | edges | findings | peak MiB | CPU minutes |"
echo "|---|---|---|---|---|---|"
status=0
for target in "${targets[@]}"; do
  python3 - "$build/fuzz_$target" "$target" "$seconds" "seeds/$target" "$here/corpus/$target" << 'END' || status=1
import os
import re
import resource
import subprocess
import sys

program, target, seconds, *folders = sys.argv[1:]
seconds = float(seconds)
folders = [f for f in folders if os.path.isdir(f)]


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


executions, edges, findings = 0, "-", 0
with open(program, "rb") as file:
    learns = b"libFuzzer" in file.read()
if learns:
    os.makedirs("found-" + target, exist_ok=True)
    told = ""
    while used() < seconds and not findings:  # its limit is wall time: again, from what it found, until the processor time is used
        left = int(seconds - used()) + 1
        out = subprocess.run([program, f"-max_total_time={left}", "-timeout=20", "-max_len=65536", "-print_final_stats=1", "found-" + target,
                              *folders], capture_output=True, text=True)
        executions += int((re.findall(r"number_of_executed_units: (\d+)", out.stderr) or ["0"])[-1])
        edges = (re.findall(r"cov: (\d+)", out.stderr) or ["-"])[-1]
        findings, told = int(out.returncode != 0), out.stderr
else:
    runs, told = 2000, ""
    while used() < seconds:
        before = used()
        out = subprocess.run([program, *folders, f"-runs={runs}", f"-first={executions}"], capture_output=True, text=True)
        if out.returncode != 0:
            findings, told = 1, out.stderr
            break
        executions += runs
        took = max(used() - before, 0.01)
        runs = max(1000, min(int(runs * min(10, 20 / took)), int(runs * (seconds - used()) / took) if used() < seconds else 1000))
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"| `{target}` | {executions} | {edges} | {findings} | {peak:.0f} | {used() / 60:.1f} |", flush=True)
if findings:
    print(told[-2000:], file=sys.stderr)
sys.exit(findings)
END
done
exit $status
