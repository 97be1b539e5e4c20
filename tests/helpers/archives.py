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

# where the archives keep every expert, by dataset
FIXED = {
    "aggregated_imagenet_25fps_256px_stride1_offset0/resnext101_32x48d-avg.pickle": "imagenet.resnext101_32x48d.0",
    "aggregated_imagenet_25fps_256px_stride1_offset0/senet154-avg.pickle": "imagenet.senet154.0",
    "aggregated_scene_25fps_256px_stride1_offset0/densenet161-avg.pickle": "scene.densenet161.0",
    "aggregated_r2p1d_30fps_256px_stride32_offset0_inner_stride1/r2p1d-ig65m-avg.pickle": "r2p1d.r2p1d-ig65m.0",
    "aggregated_r2p1d_30fps_256px_stride8_offset0_inner_stride1/r2p1d-ig65m-kinetics-avg.pickle": (
        "r2p1d.r2p1d-ig65m-kinetics.0"
    ),
    "aggregated_i3d_25fps_256px_stride25_offset0_inner_stride1/i3d-avg.pickle": "i3d.i3d.0",
}
ODD = {
    "MSRVTT": {
        "aggregated_audio_feats/Audio_MSRVTT_new.pickle": "audio",
        "aggregated_speech/speech-w2v.pickle": "speech",
        "aggregated_ocr_feats/ocr-raw.pickle": "ocr",
        "aggregated_face_feats/facefeats-avg.pickle": "face",
        "antoine/resnet_features.pickle": "antoine-rgb",
        "antoine/audio_features.pickle": "antoine-audio",
        "antoine/flow_features.pickle": "flow",
        "antoine/facefeats-clone.pickle": "antoine-face",
    },
    "MSVD": {
        "aggregated_ocr_feats/ocr-w2v.pickle": "ocr",
        "aggregated_face_feats/face-avg.pickle": "face",
    },
    "DiDeMo": {
        "aggregated_audio_feats/vggish-audio-raw.pickle": "audio",
        "aggregated_speech_feats/stt_w2v.pickle": "speech",
        "aggregated_ocr_feats/ocr-feats.pkl": "ocr",
        "aggregated_facefeats_25fps_256px_stride1/face-avg.pickle": "face",
    },
    "LSMDC": {
        "aggregated_audio/vggish-raw.pickle": "audio",
        "aggregated_speech/speech-w2v.pickle": "speech",
        "aggregated_ocr_feats/ocr-w2v.pkl": "ocr",
        "antoine/face-max-with-blank-val.pickle": "face",
        "aggregated_audio_feats/vggish-audio-raw.pickle": "audio",
        "aggregated_speech_feats/speech-w2v.pickle": "speech",
    },
    "activity-net": {
        "aggregated_audio/vggish-audio-raw.pickle": "audio",
        "aggregated_speech/goog_w2v-speech-raw.pickle": "speech",
        "aggregated_ocr_feats/ocr-w2v.pkl": "ocr",
        "aggregated_facefeats_25fps_256px_stride1/face-avg.pickle": "face",
    },
}


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
