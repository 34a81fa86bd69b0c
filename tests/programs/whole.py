#!/usr/bin/env python3
"""Says which files below the given folders are not whole, and which temporaries are left; ends with 1 where there are any."""
import csv
import json
import os
import re
import sys


def problem(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".tmp"):
        return "a temporary"
    if path.endswith(".safetensors"):
        length = int.from_bytes(data[:8], "little")
        if len(data) < 8 or 8 + length > len(data):
            return "a header that is cut off"
        header = json.loads(data[8 : 8 + length])
        end = max((t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"), default=0)
        return None if 8 + length + end == len(data) else "other bytes than its header says"
    if path.endswith(".png"):
        return None if data[:4] == b"\x89PNG" and data[-8:-4] == b"IEND" else "no whole PNG"
    if path.endswith(".csv"):
        text = data.decode()
        rows = list(csv.reader(text.splitlines()))
        if not text.endswith("\n") or any(len(row) != len(rows[0]) for row in rows):
            return "half a row"
    if path.endswith(".json"):
        json.loads(data)
    if path.endswith(".html"):
        return None if re.search(rb"</html>\s*$", data) else "no end"
    if path.endswith((".cfg", ".md")):
        return None if data.endswith(b"\n") else "no end"
    return None


found = []
for root in sys.argv[1:]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            try:
                what = problem(path)
            except ValueError as error:
                what = str(error)
            if what:
                found.append(f"{path}: {what}")
print("\n".join(found))
sys.exit(1 if found else 0)
