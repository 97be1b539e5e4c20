"""The worst files that are known for each reader: how long a refusal takes, and how much memory.

Small files that hang, crash or fill the memory of readers which trust them: nested keys, copies of copies, anchors of
anchors, packed zeros, lengths that lie, pictures of any size. Each is read in a process of its own.
Run: python benchmarks/worst_cases.py --out worst_cases.json --page docs/worst-cases.md
"""

import argparse
import gzip
import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

HELPERS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
MIB = 2**20
_BEGIN = b"\x80\x02"


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _long(number: int) -> bytes:
    data = number.to_bytes(10, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def _nested(levels: int) -> bytes:
    """A tuple of two of a tuple of two ...: 2^levels steps to hash."""
    return b")q\0" + b"0h\0h\0\x86q\0" * levels


def _doubled(levels: int) -> bytes:
    """A list of twice a list of twice ..."""
    return b"]q\0" + b"".join(
        b"0](h" + bytes([n]) * 1 + b"h" + bytes([n]) + b"eq" + bytes([n + 1]) for n in range(levels)
    )


def _captions() -> bytes:
    shared = b"](" + _text("ab") * 20_000 + b"eq\1"
    return _BEGIN + shared + b"0}(" + b"".join(_text(f"{n:06}") + b"h\1" for n in range(20_000)) + b"u."


def _arrays() -> bytes:
    array = pickle.dumps(np.zeros(250_000, "f4"), 2)[2:-1]
    return (
        _BEGIN
        + array
        + b"r\xff\xff\0\0"
        + b"0}("
        + b"".join(_text(f"{n:06}") + b"j\xff\xff\0\0" for n in range(20_000))
        + b"u."
    )


def _copies(kind: str, count: int) -> bytes:
    source = b"](" + b"K\1" * 100_000 + b"eq\1"
    return _BEGIN + b"(c__builtin__\n" + kind.encode() + b"\nq\0" + source + b"h\0h\1\x85R" * count + b"t."


def _recoded() -> bytes:
    text = _text("a" * 10**6) + b"q\1" + _text("latin1") + b"q\2"
    return _BEGIN + b"(c_codecs\nencode\nq\0" + text + b"h\0h\1h\2\x86R" * 20_000 + b"t."


PICKLES: Mapping[str, bytes] = {
    "nested tuple as a key, 60 levels": _BEGIN + b"}" + _nested(60) + b"K\1s.",
    "tuple 300,000 deep as a key": _BEGIN + b"})" + b"\x85" * 300_000 + b"K\1s.",
    "tuple 300,000 deep as a value": _BEGIN + b"}" + _text("a") + b")" + b"\x85" * 300_000 + b"s.",
    "a list of two of a list of two, 80 levels": _BEGIN + _doubled(80) + b".",
    "1,500 tuples of one list": _copies("tuple", 1500),
    "1,500 sets of one list": _copies("set", 1500),
    "one list of captions for 20,000 videos": _captions(),
    "one array for 20,000 videos": _arrays(),
    "one text as bytes, 20,000 times": _recoded(),
    "keys that collide": _BEGIN + b"}(" + b"".join(_long((2**61 - 1) * n) + b"N" for n in range(1, 50_000)) + b"u.",
    "5 million empty lists": _BEGIN + b"](" + b"]" * 5_000_000 + b"e.",
    "3 million memo entries": b"\x80\x04N" + b"\x94" * 3_000_000 + b".",
    "a number of a million digits": _BEGIN + b"}" + _text("a") + b"I" + b"9" * 10**6 + b"\ns.",
    "a number of a million bytes": (
        _BEGIN + b"}" + _text("a") + b"\x8b" + struct.pack("<i", 10**6) + b"\x7f" * 10**6 + b"s."
    ),
    "an array of 2^38 values in 8 bytes": (
        pickle.dumps({"a": np.zeros(2, "f4")}, 2).replace(b"K\2\x85", b"\x8a\5\0\0\0\0\x40\x85")
    ),
}  # fmt: skip


def _tensor(count: int, shape: bytes | None = None, key: str = "0") -> bytes:
    size = b"J" + struct.pack("<i", count)
    identity = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(key) + _text("cpu") + size + b"tQ"
    shape = shape or size + b"\x85"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + identity
        + b"K\0"
        + shape
        + b"K\1\x85\x89ccollections\nOrderedDict\n)RtR"
    )


def _checkpoint(state: bytes, storage: int = 16, packed: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as archive:
        archive.writestr("a/data.pkl", _BEGIN + b"}" + _text("state_dict") + state + b"s.")
        archive.writestr("a/byteorder", "little")
        archive.writestr("a/data/0", bytes(storage))
    return buffer.getvalue()


def _one_tensor(*arguments: Any) -> bytes:
    return b"}" + _text("w") + _tensor(*arguments) + b"s"


def checkpoints() -> dict[str, bytes]:
    many = b"".join(_text(f"w{n}") + _tensor(2_000_000) for n in range(300))
    return {
        "bytearray of 2 GB": _checkpoint(b"cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R"),
        "nested tuple as a key": _checkpoint(b"}" + _nested(60) + b"K\1s"),
        "tuple 300,000 deep as a key": _checkpoint(b"})" + b"\x85" * 300_000 + b"K\1s"),
        "400 MB of zeros, packed": _checkpoint(_one_tensor(10**8), 4 * 10**8, zipfile.ZIP_DEFLATED),
        "a tensor beyond its storage": _checkpoint(_one_tensor(4, b"J\xff\xff\xff\x7f\x85")),
        "a storage larger than its file": _checkpoint(_one_tensor(2**30)),
        "300 tensors of one storage": _checkpoint(b"}(" + many + b"u", 8_000_000),
    }


def _tar(*members: tuple[bytes, int]) -> bytes:
    """A .tar.gz of members (type, size) of zeros."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as file:
        for number, (kind, size) in enumerate(members):
            member = tarfile.TarInfo(f"data/{number}")
            member.type, member.size = kind, size
            file.write(member.tobuf())
            for begin in range(0, -(-size // 512) * 512, MIB):
                file.write(bytes(min(MIB, -(-size // 512) * 512 - begin)))
        file.write(bytes(1024))
    return buffer.getvalue()


def _chain(kind: bytes, count: int) -> bytes:
    """Extended headers that follow one another."""
    return _tar(*[(kind, 512)] * count)


def archives() -> dict[str, bytes]:
    return {
        "pax header of 300 MB": _tar((tarfile.XHDTYPE, 3 * 10**8)),
        "global pax header of 300 MB": _tar((tarfile.XGLTYPE, 3 * 10**8)),
        "GNU long name of 300 MB": _tar((tarfile.GNUTYPE_LONGNAME, 3 * 10**8)),
        "600 MB of zeros": _tar((tarfile.REGTYPE, 6 * 10**8)),
        "50,000 empty members": _tar(*[(tarfile.REGTYPE, 0)] * 50_000),
        "3,000 long names in a row": _chain(tarfile.GNUTYPE_LONGNAME, 3_000),
        "sparse member": _tar((tarfile.GNUTYPE_SPARSE, 512)),
    }


def configs() -> dict[str, bytes]:
    anchors = [
        "a0: &a0 [x, x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)),
    ]
    merges = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 20))]
    return {
        "anchors of anchors, 20 levels": "\n".join(anchors).encode(),
        "merges of merges, 20 levels": "\n".join(merges).encode(),
        "an anchor that holds itself": b"name: &a [*a]",
        "200,000 hexadecimal digits": b"name: 0x" + b"f" * 200_000,
        "200,000 digits": b"name: " + b"9" * 200_000,
        "100,000 open brackets": b"name: " + b"[" * 100_000,
        "lists in lists, 2,000 levels": b"name:\n" + b"".join(b" " * n + b"-\n" for n in range(1, 1200)),
        "50,000 keys": b"\n".join(b"k%d: 1" % n for n in range(50_000)),
        "a key that stands twice": b"name: a\nseeds: [0]\nname: b\n",
        "2 MB": b"name: " + b"a" * 2_000_000,
    }


def json_files() -> dict[str, bytes]:
    return {
        "a million open brackets": b"[" * 10**6,
        "a million open objects": b'{"a":' * 10**6,
        "a number of a million digits": b"9" * 10**6,
        "lists in lists, 900 levels": b"[" * 900 + b"]" * 900,
    }


def _npz(array: bytes, packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as archive:
        archive.writestr("similarity.npy", array)
    return buffer.getvalue()


def _npy(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + data


def arrays() -> dict[str, bytes]:
    claims = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }\n"
    return {
        "claims.npy": _npy(claims, bytes(16)),
        "claims.npz": _npz(_npy(claims, bytes(16))),
        "zeros.npz": _npz(
            _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (20000, 20000), }\n", bytes(4 * 10**8))
        ),
        "brackets.npy": _npy("(" * 9_000),
        "negative.npy": _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 5), }\n", bytes(40)),
        "wide.npy": _npy("{'descr': '|S2147483647', 'fortran_order': False, 'shape': (9,), }\n", bytes(40)),
    }


def shards() -> dict[str, bytes]:
    def written(header: dict[str, Any], data: bytes = b"") -> bytes:
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    metadata = {"format": "teachtext-features-1", "ids": "[]", "sources": "[]", "provenance": "{}"}
    values = {"dtype": "F16", "shape": [0, 2**50], "data_offsets": [0, 0]}
    offsets = {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}
    whole = {"__metadata__": metadata, "values": values, "offsets": offsets}
    return {
        "header of 2^60 bytes": struct.pack("<Q", 2**60) + b"{}",
        "header of 90 MB of brackets": struct.pack("<Q", 9 * 10**7) + b"[" * (9 * 10**7),
        "ids nested 100,000 deep": written(whole | {"__metadata__": metadata | {"ids": "[" * 100_000}}, bytes(8)),
        "tensor larger than its file": written(whole | {"values": values | {"data_offsets": [8, 2**50]}}, bytes(8)),
    }


def models() -> dict[str, bytes]:
    sys.path.insert(0, str(HELPERS))
    import fuzz_files

    with tempfile.TemporaryDirectory() as folder:
        whole = json.loads(fuzz_files.model(Path(folder))["config.json"])

    def changed(**changes: Any) -> bytes:
        model = whole["model"] | {"arguments": whole["model"]["arguments"] | changes}
        return json.dumps(whole | {"model": model}).encode()

    return {
        "10 million layers": changed(layers=10**7),
        "20,000 experts": changed(expert_dims={f"e{n}": 3 for n in range(20_000)}),
        "a width of 10^12": changed(shared_dim=10**12),
        "10^12 times": changed(max_positions=10**12),
        "10^9 words": json.dumps(whole | {"max_words": 10**9}).encode(),
        "10^9 rows of an expert": json.dumps(whole | {"max_tokens": {"a": 10**9}}).encode(),
    }


def captions() -> dict[str, bytes]:
    return {
        "brackets.json": b"[" * 10**6,
        "objects.jsonl": (b'{"video": "v", "text": ' + b'{"a":' * 10**5 + b"\n") * 2,
        "quote.csv": b'video,text\nv0,"' + b"a," * 10**6,
        "columns.csv": b"video,text" + b",c" * 10**5 + b"\n" + (b"v0,a" + b",x" * 10**5 + b"\n") * 20,
        "digits.json": b'{"v0": [' + b"9" * 10**5 + b"]}",
        "nested.pkl": PICKLES["nested tuple as a key, 60 levels"],
    }


def videos() -> dict[str, bytes]:
    sys.path.insert(0, str(HELPERS))
    from clips import write_black_video

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        h264 = {"preset": "ultrafast", "x264-params": "rc-lookahead=0:sliced-threads=0:threads=1"}
        return {
            "9000x9000.avi": write_black_video(place / "a.avi", "png", "rgb24", 9000, 9000).read_bytes(),
            "9000x9000.mov": write_black_video(place / "a.mov", "png", "rgba64be", 9000, 9000).read_bytes(),
            "8192x8192.mp4": write_black_video(place / "a.mp4", "libx264", "yuv420p", 8192, 8192, **h264).read_bytes(),
            "16000x16000.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
            + struct.pack(">II", 16000, 16000)
            + b"\x08\2\0\0\0"
            + bytes(9),
            "list of itself.mp4": b"ffconcat version 1.0\nfile 'list of itself.mp4'\n",
            "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='99999' height='99999'/>",
        }


CASES: Mapping[str, Callable[[], Mapping[str, bytes]]] = {
    "pickled": lambda: PICKLES,
    "checkpoint": checkpoints,
    "archive": archives,
    "config": configs,
    "json_file": json_files,
    "arrays": arrays,
    "shard": shards,
    "model": models,
    "captions": captions,
    "video": videos,
}
"""The files of each reader (see `fuzz_readers.READERS`): a sentence on each, or its name, and its content."""

ENDINGS = {
    "pickled": ".pkl", "checkpoint": ".pth", "archive": ".tar.gz", "config": ".yaml", "json_file": ".json",
    "shard": ".safetensors", "model": ".json",
}  # fmt: skip
HARMLESS = {"lists in lists, 900 levels", "one text as bytes, 20,000 times", "quote.csv", "columns.csv"}
"""Files that may be read: they are large or deep, but not too much."""


def write_case(folder: Path, kind: str, name: str, content: bytes) -> Path:
    """Write a file; a model gets whole weights beside its config."""
    if kind == "model":
        import fuzz_files

        fuzz_files.model(folder)
    path = folder / (name if kind not in ENDINGS else f"case{ENDINGS[kind]}")
    path.write_bytes(content)
    return path


def measure(kind: str, path: Path) -> dict[str, Any]:
    """Read a file in this process: what comes of it, seconds of CPU time, and MiB beyond those of the imports."""
    sys.path.insert(0, str(HELPERS))
    import fuzz_files
    from fuzz_readers import read_one

    if kind == "video":
        from teachtext.video import decode, frames, sound  # noqa: F401
    else:
        with tempfile.TemporaryDirectory() as folder:
            # imports what the reader needs
            [(name, content), *_] = fuzz_files.BASES[kind](Path(folder)).items()
            whole = Path(folder) / name
            whole.write_bytes(content)
            read_one((kind, whole))
    # the peak begins anew at the present size; that of getrusage begins at the size of the parent
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory_kib("VmRSS")
    begun = time.process_time()
    outcome = read_one((kind, path)).replace(str(path), path.name)
    seconds = time.process_time() - begun
    return {"seconds": round(seconds, 2), "mib": round((_memory_kib("VmHWM") - before) / 1024, 1), "outcome": outcome}


def _memory_kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


READ_BY = {
    "pickled": "pickle", "checkpoint": "checkpoint", "archive": "`.tar.gz`", "config": "config", "json_file": "JSON",
    "arrays": "arrays", "shard": "feature store", "model": "model folder", "captions": "captions", "video": "video",
}  # fmt: skip


def page(rows: list[dict[str, Any]]) -> str:
    """Return the page of the documentation with all that was measured."""
    lines = [
        f"| {READ_BY[row['reader']]} | {row['file']} | {row['bytes']:,} | {row['seconds']:.1f} | {row['mib']:,.0f} |"
        for row in rows
    ]
    return _PAGE.format(rows="\n".join(lines))


_PAGE = """# The worst files

What a refusal costs: the worst files that are known for each reader (see
[decision 5](decisions/0005-foreign-files.md)). CPU time of the process that reads, and its peak of memory beyond what
it has after its imports. Each file is read in a process of its own; other jobs ran on the machine meanwhile.
`benchmarks/worst_cases.py` writes the files and this page.

| reader | file | bytes | seconds | MiB |
|---|---|---|---|---|
{rows}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--kind", choices=CASES)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(measure(arguments.kind, arguments.read)))
        return
    sys.path.insert(0, str(HELPERS))
    rows = []
    for kind in [arguments.kind] if arguments.kind else CASES:
        for name, content in CASES[kind]().items():
            with tempfile.TemporaryDirectory() as folder:
                path = write_case(Path(folder), kind, name, content)
                command = [sys.executable, __file__, "--kind", kind, "--read", str(path)]
                said = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
            measured = json.loads(said.stdout) if said.returncode == 0 else {"outcome": said.stderr.strip()[-200:]}
            rows.append({"reader": kind, "file": name, "bytes": len(content), **measured})
            print(json.dumps(rows[-1]), flush=True)
    if arguments.page:
        arguments.page.write_text(page(rows), encoding="utf-8")
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
