"""Archives as the authors laid them out, with random values: pickles of Python 2 and 3, folders and tars."""

import io
import pickle
import struct
import sys
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

NAN = float("nan")


def python2(content: Any) -> bytes:
    """Pickle as Python 2 with an old numpy did: protocol 2, text and arrays as byte strings, all in the memo."""
    out, memo = io.BytesIO(), iter(range(2**31))
    out.write(b"\x80\x02")
    _put(content, out, memo)
    out.write(b".")
    return out.getvalue()


def _string(data: bytes, out: io.BytesIO, memo: Any) -> None:
    out.write(b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + struct.pack("<i", len(data)) + data)
    out.write(b"r" + struct.pack("<I", next(memo)))


def _put(value: Any, out: io.BytesIO, memo: Any) -> None:
    match value:
        case dict():
            out.write(b"}(")
            for key, item in value.items():
                _put(key, out, memo)
                _put(item, out, memo)
            out.write(b"u")
        case list():
            out.write(b"](")
            for item in value:
                _put(item, out, memo)
            out.write(b"e")
        case str():
            _string(value.encode("latin-1"), out, memo)
        case float():
            out.write(b"G" + struct.pack(">d", value))
        case int():
            out.write(b"J" + struct.pack("<i", value))
        case np.ndarray():
            out.write(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01(")
            out.write(b"".join(b"J" + struct.pack("<i", size) for size in value.shape) + b"t")
            code = value.dtype.str[1:].encode()
            out.write(b"cnumpy\ndtype\n(U" + bytes([len(code)]) + code + b"K\0K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ")
            out.write(b"\xff\xff\xff\xffK\0tb\x89")
            _string(value.tobytes(), out, memo)
            out.write(b"tb")
        case _:
            raise TypeError(type(value))


def store(values: Mapping[str, Any], dim: int, module: str = "utils.datastructures") -> Any:
    """Make the authors' ExpertStore: one float16 matrix, rows of NaN for what is missing."""
    kind = type("ExpertStore", (), {"__module__": module})
    # pickle looks a class up by its module; nothing that reads it may
    for part in (module.partition(".")[0], module):
        sys.modules.setdefault(part, ModuleType(part))
    vars(sys.modules[module])["ExpertStore"] = kind
    made = kind()
    rows = [np.full(dim, NAN) if isinstance(value, float) else np.ravel(value) for value in values.values()]
    keymap = {key: row for row, key in enumerate(values)}
    made.__dict__ |= {"keys": list(values), "dim": dim, "store_dtype": np.float16, "keymap": keymap, "missing": set()}
    made.__dict__["store"] = np.stack(rows).astype(np.float16)
    return made


def write(root: Path, files: Mapping[str, Any], protocol: int = 2) -> Path:
    """Write files below a feature root: text as it is, bytes as they are, all else pickled."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        else:
            path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return root


def pack(root: Path, path: Path, prefix: str, extra: Iterable[tarfile.TarInfo] = ()) -> Path:
    """Pack a feature root as the authors did: members begin with `prefix`."""
    with tarfile.open(path, "w:gz") as tar:
        tar.add(root, prefix)
        for member in extra:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return path
