"""Runs ONNX files that `convert` wrote in onnxruntime, and compares the pictures with nada's own.

    python3 compare.py PROGRAMS SOURCES [GENERATOR...]     what is compared: GENERATOR..., or the embedded generator, a
                                                           shipped preset, a small residual, class-conditional and
                                                           clamped generator, and one of official widths

PROGRAMS is the folder of the built programs, SOURCES that of the checkout. Needs numpy and onnxruntime; where `onnx` is
there too, its checker looks at each file. Ends with 1 where a picture differs by more than 1e-4.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
    import onnxruntime
except ImportError as missing:
    print(f"SKIPPED: python3 has no {missing.name}")
    sys.exit(0)
try:
    import onnx
except ImportError:
    onnx = None

LIMIT = 1e-4


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, data = json.loads(data[8 : 8 + length]), data[8 + length :]
    header.pop("__metadata__", None)
    assert all(entry["dtype"] == "F32" for entry in header.values())
    return {
        name: numpy.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
        for name, entry in header.items()
    }


def write_safetensors(path, tensors, metadata):
    header, at = {"__metadata__": metadata}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    content = b"".join(value.tobytes() for value in tensors.values())
    pathlib.Path(path).write_bytes(len(text).to_bytes(8, "little") + text + content)


def small_generator(path):
    """Writes a generator of 16 px with residual blocks, 4 classes, clamps, patterns and noise."""
    random = numpy.random.default_rng(1)
    tensors = {}

    def add(name, shape, deviation=1.0, mean=0.0):
        tensors[name] = (mean + deviation * random.standard_normal(shape)).astype("<f4")

    add("embed.weight", (7, 4))
    add("embed.bias", (7,))
    for k, inputs in enumerate((6 + 7, 5)):
        add(f"mapping.{k}.weight", (5, inputs), 100)  # with a learning rate's multiplier of 0.01
        add(f"mapping.{k}.bias", (5,), 20)
    add("mean_style", (5,), 0.3)
    add("const.weight", (8, 4, 4))
    channels = 8
    for resolution, width in ((4, 8), (8, 6), (16, 5)):
        for k in range(1 if resolution == 4 else 2):
            name = f"conv.{resolution}.{k}"
            if resolution > 4 and k == 0:
                add(name + ".skip.weight", (width, channels, 1, 1))
            add(name + ".weight", (width, channels, 3, 3))
            add(name + ".bias", (width,), 0.3)
            add(name + ".noise_strength", (), 0.1, 0.3)
            add(name + ".affine.weight", (channels, 5), 0.5)
            add(name + ".affine.bias", (channels,), 0.2, 1)
            add(name + ".pattern", (resolution, resolution), 0.05)
            add(f"noise.{resolution}.{k}", (resolution, resolution))
            channels = width
    add("rgb.16.weight", (3, channels, 1, 1), 0.5)
    add("rgb.16.bias", (3,), 0.2)
    add("rgb.16.affine.weight", (channels, 5), 0.5)
    add("rgb.16.affine.bias", (channels,), 0.2, 1)
    metadata = {"nada.kind": "generator", "nada.format": "1", "nada.mapping_lr": "0.01", "nada.conv_clamp": "0.8"}
    write_safetensors(path, tensors, metadata)


def compare(programs, generator, folder):
    """Returns the largest difference over N = 1 and 3 and psi = 0.5 and 1."""
    file = folder / "generator.onnx"
    subprocess.run([programs / "convert", generator, file, "--force"], check=True, stdout=subprocess.PIPE)
    if onnx:
        onnx.checker.check_model(str(file), full_check=True)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["nada.kind"] == "generator" and metadata["nada.sha256"] and metadata["nada.version"], metadata
    worst = 0.0
    for samples in (1, 3):
        for psi in (0.5, 1):
            truth = folder / "truth.safetensors"
            subprocess.run([programs / "tests" / "onnx_truth", generator, truth, str(samples), str(psi)], check=True)
            tensors = read_safetensors(truth)
            ours = tensors.pop("images")
            (theirs,) = session.run(["images"], tensors)
            assert theirs.shape == ours.shape and theirs.dtype == numpy.float32, (theirs.shape, ours.shape)
            assert numpy.ptp(ours) > 0.1, "a picture of one colour says nothing"
            worst = max(worst, float(numpy.abs(theirs - ours).max()))
    return worst


def main(programs, sources, *generators):
    programs, sources = pathlib.Path(programs).resolve(), pathlib.Path(sources).resolve()
    checker = f"onnx {onnx.__version__}" if onnx else "without onnx's checker"
    print(f"onnxruntime {onnxruntime.__version__}, {checker}; N = 1 and 3, psi = 0.5 and 1")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if not generators:
            small_generator(folder / "small.safetensors")
            official = folder / "official.pkl"
            subprocess.run([programs / "tests" / "official_weights", "stylegan2-32", official], check=True)
            avatars = sources / "configs" / "avatars"
            preset = sorted((avatars / "presets").glob("*.safetensors"))[0]
            generators = [avatars / "generator.safetensors", preset, folder / "small.safetensors", official]
        for generator in generators:
            worst = compare(programs, generator, folder)
            failed |= not worst <= LIMIT
            print(f"{pathlib.Path(generator).name}: differs by at most {worst:.1e}" + (" TOO MUCH" if worst > LIMIT else ""))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) >= 3 else __doc__)
