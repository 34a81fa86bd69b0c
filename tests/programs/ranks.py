#!/usr/bin/env python3
"""ranks.py A B TOLERANCE: whether two runs have the same steps, numbers and leaves, but for relative differences up to TOLERANCE."""
import array
import csv
import json
import math
import sys


def rows(folder):
    with open(folder + "/metrics.csv") as file:
        return [{k: float(v) for k, v in row.items() if k != "seconds" and v} for row in csv.DictReader(file)]


def tensors(folder):
    with open(folder + "/adapted.safetensors", "rb") as file:
        data = file.read()
    start = 8 + int.from_bytes(data[:8], "little")
    out = {}
    for name, about in json.loads(data[8:start]).items():
        if name == "__metadata__":
            continue
        numbers = array.array({"F32": "f", "F64": "d"}[about["dtype"]])
        numbers.frombytes(data[start + about["data_offsets"][0] : start + about["data_offsets"][1]])
        out[name] = numbers
    return out


def difference(a, b):
    size = max(map(abs, b))
    worst = max((abs(x - y) for x, y in zip(a, b)), default=0)
    return worst / size if size > 0 else worst


a, b, tolerance = sys.argv[1], sys.argv[2], float(sys.argv[3])
found, expected = rows(a), rows(b)
assert [sorted(r) for r in found] == [sorted(r) for r in expected], "other steps or columns"
assert expected and all(math.isfinite(v) for r in found for v in r.values())
in_numbers = max(difference([x[k]], [y[k]]) for x, y in zip(found, expected) for k in y)
found, expected = tensors(a), tensors(b)
assert sorted(found) == sorted(expected) and expected, "other leaves"
in_leaves = max(difference(found[name], expected[name]) for name in expected)
print(f"{a} and {b}: largest relative difference {in_numbers:.2g} of numbers, {in_leaves:.2g} of {len(expected)} leaves")
sys.exit(0 if max(in_numbers, in_leaves) <= tolerance else 1)
