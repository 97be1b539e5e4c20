"""Whole files for the fuzzers, and mutations of them that depend on a seed alone."""

import gzip
import io
import json
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

Mutation = Callable[[bytes, bytes, random.Random], bytes]

# numbers at which lengths, counts and signs change
_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]
_WORDS = [
    b"\0", b"\xff\xff\xff\xff", b"[" * 3000, b"{\"a\":" * 2000, b"\n", b"\r", b",", b'"', b"'", b": ", b"- ", b"&a ",
    b"*a ", b"<<: ", b"!!python/object:os.system ", b"\xef\xbb\xbf", b"\xff\xfe", b"NaN", b"1e999", b"-0", b"9" * 5000,
    b"0x" + b"f" * 5000, b"\t", b"\xc3\x28", b"null", b"R", b"\x85", b"q\x00", b"h\x00", b"0", b"2", b"a", b"s", b"u",
]  # fmt: skip


def flip(data: bytes, _: bytes, rng: random.Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(rng.choice([1, 2, 4, 20])):
        flipped[rng.randrange(len(flipped))] = rng.randrange(256)
    return bytes(flipped)


def flip_ends(data: bytes, _: bytes, rng: random.Random) -> bytes:
    """Bytes of the first or last hundreds become others: that is where headers stand."""
    flipped, last = bytearray(data), rng.random() < 0.5
    for _ in range(rng.randrange(1, 8)):
        place = rng.randrange(min(300, len(flipped)))
        flipped[-1 - place if last else place] = rng.choice([0, 255, 127, 128, rng.randrange(256)])
    return bytes(flipped)


def number(data: bytes, _: bytes, rng: random.Random) -> bytes:
    """A number of two, four or eight bytes becomes one at a limit."""
    size, value = rng.choice([2, 4, 8]), rng.choice(_NUMBERS)
    written = (value % 2 ** (8 * size)).to_bytes(size, rng.choice(["little", "big"]))
    place = rng.randrange(len(data))
    return data[:place] + written + data[place + size :]


def word(data: bytes, _: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + rng.choice(_WORDS) + data[place + rng.choice([0, 0, 1, 5]) :]


def cut(data: bytes, _: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def splice(data: bytes, other: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def repeat(data: bytes, _: bytes, rng: random.Random) -> bytes:
    """A piece stands twice or a hundred times, or is left out."""
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.randrange(1, 200))
    return data[:start] + data[start:end] * rng.choice([0, 2, 100]) + data[end:]


MUTATIONS: list[Mutation] = [flip, flip_ends, number, word, cut, splice, repeat]


def mutants(bases: Mapping[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield file names and contents without end: whole files, then mutants of one to three mutations."""
    rng = random.Random(seed)
    yield from bases.items()
    names = list(bases)
    while True:
        name = rng.choice(names)
        pack, data = unpacked(bases[name]) if rng.random() < 0.7 else (lambda packed: packed, bases[name])
        for _ in range(rng.choice([1, 1, 2, 3])):
            data = rng.choice(MUTATIONS)(data or b"\0", bases[rng.choice(names)], rng)
        yield name, pack(data)


def unpacked(data: bytes) -> tuple[Callable[[bytes], bytes], bytes]:
    """Return what is inside a packed file, and how to pack a mutant of it: otherwise a checksum stops every mutant."""
    if data.startswith(b"\x1f\x8b"):
        return (lambda inner: gzip.compress(inner, 1)), gzip.decompress(data)
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = next((name for name in members if name.endswith(("data.pkl", ".npy"))), next(iter(members)))

        def pack(inner: bytes) -> bytes:
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                for other, content in (members | {name: inner}).items():
                    archive.writestr(other, content)
            return buffer.getvalue()

        return pack, members[name]
    return (lambda inner: inner), data


def subtitles(folder: Path) -> dict[str, bytes]:
    cues = [(n, f"<i>line {n}</i>, \u00e9 {{\\an8}}") for n in range(9)]
    srt = "\n".join(f"{n}\n00:00:{n:02},500 --> 00:00:{n + 1:02},000\n{text}\n" for n, text in cues)
    vtt = "WEBVTT\n\nNOTE x\n\n" + srt.replace(",", ".")
    events = "\n".join(f"Dialogue: 0,0:00:{n:02}.50,0:00:{n + 1:02}.00,D,,0,0,0,,{text}" for n, text in cues)
    ass = f"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n{events}\n"
    texts = {"a.srt": srt, "b.vtt": vtt, "c.ass": ass}
    encodings = ("utf-8", "utf-16", "cp1252")
    return {name: text.encode(encoding) for (name, text), encoding in zip(texts.items(), encodings, strict=True)}


def text_tracks(folder: Path) -> dict[str, bytes]:
    from subtitle_tracks import write_video

    cues, facts = [(n / 4, n / 4 + 0.2, f"line {n}") for n in range(4)], {"title": "Our trip", "comment": "\u00e9"}
    tracks = {"a.mp4": "mov_text", "b.mkv": "subrip", "c.mkv": "ass", "d.mkv": "webvtt"}
    return {
        name: write_video(folder / name, seconds=1.0, tracks={codec: cues}, facts=facts).read_bytes()
        for name, codec in tracks.items()
    }


def video(folder: Path) -> dict[str, bytes]:
    import av

    files = {}
    for name, codec, sound in (
        ("a.mp4", "libx264", "aac"), ("b.mkv", "mpeg4", "ac3"), ("c.avi", "mjpeg", "pcm_s16le"),
        ("d.webm", "libvpx", "libopus"), ("e.mpg", "mpeg2video", "mp2"), ("f.mov", "png", "aac"),
    ):  # fmt: skip
        path = folder / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=12, options={"g": "6"})
            stream.width, stream.height = 64, 48
            stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")
            track = container.add_stream(sound, rate=48_000)
            track.layout = "mono"
            for step in range(12):
                image = np.full((48, 64, 3), 20 * step, np.uint8)
                image[step : step + 20, step : step + 20] = 255
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())
            size = track.codec_context.frame_size or 1024
            for begin in range(0, 48_000, size):
                wave = (8000 * np.sin(np.arange(begin, begin + size) / 20)).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
                frame.sample_rate, frame.pts = 48_000, begin
                container.mux(track.encode(frame))
            container.mux(track.encode())
        files[name] = path.read_bytes()
    return files


def archive(folder: Path) -> dict[str, bytes]:
    files = {}
    for number, form in enumerate((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", format=form) as tar:
            for name in ("data/first", "data/n" if form == tarfile.USTAR_FORMAT else "data/" + "n\u00e4chste" * 30):
                member = tarfile.TarInfo(name)
                member.size = 700
                tar.addfile(member, io.BytesIO(bytes(700)))
        files[f"{number}.tar.gz"] = buffer.getvalue()
    return files


def pickled(folder: Path) -> dict[str, bytes]:
    from archives import NAN, python2, store

    rng = np.random.default_rng(0)
    experts = {f"v{number}": rng.normal(size=(number % 3, 300)).astype("f4") for number in range(4)} | {"gone": NAN}
    texts = {"v0": ["a dog", "it runs"], "v1": [["a", "cat"]], "v2": [["a", "dog"], ["x"]]}
    return {
        "python2.pkl": python2({"a": np.arange(200, dtype="f4"), "b": NAN, "c": [np.ones((2, 3), "f4")]}),
        "store.pkl": pickle.dumps(store({"a": np.arange(9.0), "b": NAN}, 9), 2),
        "mask.pkl": pickle.dumps({"v0": np.array([0, 1]), "v1": [1]}, 2),
        "numbers.pkl": pickle.dumps({"v0": 1, "v1": frozenset([1, 2]), "v2": {"a": {3}}, "v3": "b"}, 4),
        **{f"experts{protocol}.pkl": pickle.dumps(experts, protocol) for protocol in (0, 2, 4, 5)},
        **{f"texts{protocol}.pkl": pickle.dumps(texts, protocol) for protocol in (0, 2, 4)},
    }


def checkpoint(folder: Path) -> dict[str, bytes]:
    import argparse

    import torch

    state = torch.nn.BatchNorm1d(3).state_dict() | {"w": torch.randn(3, 4).t(), "h": torch.randn(4).bfloat16()}
    content = {"state_dict": state, "epoch": 7, "config": argparse.Namespace(seed=3, path=Path("a/b"))}
    files = {}
    for name, new in (("new.pth", True), ("old.pth", False)):
        torch.save(content, folder / name, _use_new_zipfile_serialization=new)
        files[name] = (folder / name).read_bytes()
    return files


def shard(folder: Path) -> dict[str, bytes]:
    from teachtext.data.shard import write_shard

    files = {}
    for name, times in (("plain", None), ("timed", [np.zeros((n, 2), np.float32) for n in (1, 0, 3)])):
        path = folder / f"{name}.safetensors"
        items = [np.ones((n, 5), np.float16) for n in (1, 0, 3)]
        write_shard(
            path, ids=["a", "b", "c"], sources=["x", "y", "z"], items=items, provenance={"encoder": "e"}, times=times
        )
        files[path.name] = path.read_bytes()
    return files


def teacher(folder: Path) -> dict[str, bytes]:
    import torch
    from safetensors.torch import save

    tensors = {
        "text/a": torch.randn(2, 3), "video/a": torch.randn(2, 3), "weights": torch.ones(2, 1),
        "present": torch.ones(2, 1, dtype=torch.bool),
    }  # fmt: skip
    metadata = {"captions": '["c0", "c1"]', "videos": '["v0", "v1"]', "made_from": '{"a": 1}'}
    line = json.dumps({"caption": "c0", "videos": ["v0", "v1"], "scores": [0.5, None]})
    return {"t.safetensors": save(tensors, metadata), "t.jsonl": f"{line}\n{line}\n".encode()}


def config(folder: Path) -> dict[str, bytes]:
    text = """
name: small
dataset: {folder: data, splits: splits.json}
experts: &experts
  - appearance
  - {name: motion, settings: {per_second: 2}}
teachers: [minilm, {text: glove, model: &model {kind: moee, text_clusters: 2}}]
student: {text: wordllama}
model: {<<: *model, kind: ce, shared_dim: 32}
training: {epochs: 2, lr: 1.0e-3, batch_size: 8}
seeds: [0, 1]
"""
    study = "name: s\nbase: run.yaml\nvariants:\n  a: {model.kind: ce}\n  b: {model.kind: moee}\n"
    return {"run.yaml": text.encode(), "study.yaml": study.encode()}


def json_file(folder: Path) -> dict[str, bytes]:
    return {"a.json": json.dumps({"train": ["a", "b"], "n": [1, 2.5, None, True], "o": {"x": {"y": "z"}}}).encode()}


def arrays(folder: Path) -> dict[str, bytes]:
    scores = np.random.default_rng(0).normal(size=(6, 6)).astype("f4")
    files = {}
    for name, write in (
        ("plain.npy", lambda path: np.save(path, scores)),
        ("fortran.npy", lambda path: np.save(path, np.asfortranarray(scores))),
        ("plain.npz", lambda path: np.savez(path, similarity=scores, captions_per_video=np.ones(6, int))),
        ("packed.npz", lambda path: np.savez_compressed(path, similarity=scores, captions_per_video=np.ones(6, int))),
    ):
        write(folder / name)
        files[name] = (folder / name).read_bytes()
    return files


def features(folder: Path) -> dict[str, bytes]:
    import feature_files

    values = _feature_arrays()
    paths = [
        write(folder, values)
        for write in (
            feature_files.write_npz,
            feature_files.write_npy,
            feature_files.write_pickle,
            feature_files.write_pickled_tensors,
            feature_files.write_torch,
            feature_files.write_safetensors,
        )
    ]
    return {path.name: path.read_bytes() for path in paths}


def hdf5(folder: Path) -> dict[str, bytes]:
    import feature_files
    import h5py

    values = _feature_arrays()
    with h5py.File(folder / "columns.h5", "w") as file:
        file["ids"] = list(values)
        file.create_dataset("clip", data=np.ones((3, 5, 4), "f4"), chunks=(1, 5, 4), compression="gzip", shuffle=True)
    with h5py.File(folder / "lists.h5", "w") as file:
        file["ids"] = list(values)
        lists = file.create_dataset("lists", 3, h5py.vlen_dtype(np.float32))
        lists[:] = [row[0] for row in values.values()]
    with h5py.File(folder / "groups.h5", "w", libver="latest") as file:
        for name, rows in values.items():
            file[f"clips/{name}/features"] = rows
            file[f"clips/{name}/times"] = np.arange(len(rows), dtype=float)
    paths = [
        feature_files.write_hdf5(folder, values),
        *(folder / f"{name}.h5" for name in ("columns", "lists", "groups")),
    ]
    return {path.name: path.read_bytes() for path in paths}


def lmdb(folder: Path) -> dict[str, bytes]:
    import feature_files

    values = _feature_arrays()
    # of several pages, one value on pages of its own
    many = {f"w{number:03}": rows for number in range(70) for rows in values.values()} | {"x": np.ones((400, 4), "f4")}
    files = {}
    for name, arrays in (("few.mdb", values), ("many.mdb", many)):
        place = folder / name.removesuffix(".mdb")
        place.mkdir()
        files[name] = (feature_files.write_lmdb(place, arrays) / "data.mdb").read_bytes()
    return files


def parquet(folder: Path) -> dict[str, bytes]:
    import feature_files
    import pyarrow
    import pyarrow.parquet

    values = _feature_arrays()
    path = feature_files.write_parquet(folder, values)
    pooled = feature_files.write_parquet(folder / "pooled", {name: rows[0] for name, rows in values.items()})
    table = pyarrow.parquet.read_table(pooled)
    pyarrow.parquet.write_table(table, folder / "packed.parquet", compression="zstd", version="1.0")
    pyarrow.parquet.write_table(table, folder / "plain.parquet", compression="none", use_dictionary=False)
    paths = [path, folder / "packed.parquet", folder / "plain.parquet"]
    return {path.name: path.read_bytes() for path in paths}


def _feature_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"v{number}": rng.normal(size=(number + 1, 4)).astype("f4") for number in range(3)}


def scores(folder: Path) -> dict[str, bytes]:
    import torch
    from safetensors.torch import save

    tensors = {"similarity": torch.randn(4, 4), "half": torch.randn(3).bfloat16()}
    torch.save(tensors, folder / "s.pt")
    return {"s.pt": (folder / "s.pt").read_bytes(), "s.safetensors": save(tensors)}


def captions(folder: Path) -> dict[str, bytes]:
    rows = [("v0", "a dog, running"), ("v0", 'it says "hello"'), ("v1", "ein K\u00e4fer"), ("v2", "x")]
    objects = [{"video": video_id, "text": text} for video_id, text in rows]
    msrvtt = {
        "videos": [{"video_id": f"v{n}", "split": "train", "id": n} for n in range(3)],
        "sentences": [{"video_id": video_id, "caption": text, "sen_id": n} for n, (video_id, text) in enumerate(rows)],
    }
    quoted = ['"' + text.replace('"', '""') + '"' for _, text in rows]
    lines = [f"{video_id},{text}" for (video_id, _), text in zip(rows, quoted, strict=True)]
    return {
        "a.csv": "\n".join(["video,text", *lines]).encode(),
        "semicolons.csv": "\r\n".join(["\ufeffVideo_ID;Sentence", *lines]).replace(",", ";").encode(),
        "tabs.tsv": "\n".join(f"{video_id}\t{text}" for video_id, text in rows).encode("utf-16"),
        "msvd.txt": "\n".join(f"v{n}_1_9 a dog runs" for n in range(3)).encode(),
        "teachclip.txt": "\n".join(f"v{n}#enc#0 a dog runs" for n in range(3)).encode(),
        "a.jsonl": "\n".join(json.dumps(item) for item in objects).encode(),
        "map.json": json.dumps({"v0": ["a", "b"], "v1": ["c"]}).encode(),
        "msrvtt.json": json.dumps(msrvtt).encode(),
        "spans.json": json.dumps({"v0": {"duration": 9.5, "timestamps": [[0, 3]], "sentences": ["a"]}}).encode(),
        "coco.json": json.dumps({"images": [{"id": 1}], "annotations": [{"image_id": 1, "caption": "a"}]}).encode(),
        "texts.pkl": pickle.dumps({"v0": ["a"], "v1": ["b", "c"]}, 2),
    }


def dataset(folder: Path) -> dict[str, bytes]:
    files = captions(folder)
    return {name: files[name] for name in ("a.csv", "a.jsonl", "map.json")}


def model(folder: Path) -> dict[str, bytes]:
    import torch

    from teachtext.learning.checkpoint import ModelSpec, save_spec

    torch.manual_seed(0)
    spec = ModelSpec(
        kind="mmt",
        arguments={"expert_dims": {"a": 3, "b": 4}, "text_dim": 5, "shared_dim": 8, "layers": 2, "heads": 2,
                   "feedforward": 16, "max_positions": 3},
        text_encoder="glove",
        max_words=3,
        max_tokens={"a": 2},
        origin={},
    )  # fmt: skip
    save_spec(folder, spec)
    from safetensors.torch import save_file

    save_file(spec.build().state_dict(), folder / "model.safetensors")
    return {"config.json": (folder / "config.json").read_bytes()}


BASES: Mapping[str, Callable[[Path], dict[str, bytes]]] = {
    base.__name__: base
    for base in (
        video, archive, pickled, checkpoint, shard, teacher, config, json_file, arrays, features, hdf5, lmdb, parquet,
        scores, captions, dataset, model, subtitles, text_tracks,
    )
}  # fmt: skip
