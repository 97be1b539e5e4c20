"""The header of a safetensors file in a fixed order: its library writes the metadata in another order each time."""

import json
import struct
from pathlib import Path


def sort_metadata(path: Path) -> None:
    """Sort the metadata of a safetensors file by key, so that equal contents are equal files.

    The file is 8 bytes with the length of the header, a JSON header, and the tensors.

    Raises:
        OSError: the file cannot be read or written to.
    """
    with path.open("r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        if "__metadata__" in header:
            header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) <= length:
            file.seek(8)
            file.write(text.ljust(length))
