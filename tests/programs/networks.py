"""Writes small networks for stylegan3.sh: restyle_tiny.safetensors (the tensors of psp_tiny with six input channels, dense layers of a
thirty-second and no pyramid) and
hed_tiny.safetensors (widths of two, every weight the same).

    networks.py GOLDEN FOLDER
"""

import json
import math
import pathlib
import struct
import sys


def read(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    place = lambda entry: slice(8 + size + entry["data_offsets"][0], 8 + size + entry["data_offsets"][1])
    return {name: (entry["dtype"], entry["shape"], data[place(entry)]) for name, entry in header.items()}, metadata


def write(path, tensors, metadata):
    header, at = {"__metadata__": metadata}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def restyle(golden):
    tensors, metadata = read(golden / "e4e/psp_tiny.safetensors")
    tensors = {name: tensor for name, tensor in tensors.items() if ".latlayer" not in name}
    dtype, shape, data = tensors["encoder.input_layer.0.weight"]
    row = len(data) // shape[0]
    rows = [data[i * row : (i + 1) * row] for i in range(shape[0])]
    tensors["encoder.input_layer.0.weight"] = dtype, [shape[0], 6, 3, 3], b"".join(r + r for r in rows)
    for name, (dtype, shape, data) in tensors.items():
        if ".linear." in name:
            halves = struct.unpack(f"<{len(data) // 2}e", data)
            tensors[name] = dtype, shape, struct.pack(f"<{len(halves)}e", *(x / 32 for x in halves))
    return tensors, metadata | {"nada.kind": "restyle_encoder", "nada.encoder_type": "BackboneEncoder"}


def hed():
    tensors, width = {}, 3
    put = lambda name, shape: tensors.__setitem__(name, ("F32", shape, struct.pack("<f", 0.01) * max(1, math.prod(shape))))
    for stage, depth in (("One", 2), ("Two", 2), ("Thr", 3), ("Fou", 3), ("Fiv", 3)):
        for k in range(depth):
            name = f"moduleVgg{stage}.{(stage != 'One') + 2 * k}"
            put(name + ".weight", [2, width, 3, 3])
            put(name + ".bias", [2])
            width = 2
        put(f"moduleScore{stage}.weight", [1, 2, 1, 1])
        put(f"moduleScore{stage}.bias", [1])
    put("moduleCombine.0.weight", [1, 5, 1, 1])
    put("moduleCombine.0.bias", [1])
    return tensors, {}


golden, folder = map(pathlib.Path, sys.argv[1:])
write(folder / "restyle_tiny.safetensors", *restyle(golden))
write(folder / "hed_tiny.safetensors", *hed())
