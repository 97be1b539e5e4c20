"""WebDataset: shards with videos and captions, read and unpacked; and tars that are made to do harm."""

import gzip
import io
import json
import tarfile

import pytest

from teachtext.data.check import check_folder
from teachtext.data.folder import load_folder
from teachtext.data.protocol import Protocol
from teachtext.data.readers.folder_source import read_source
from teachtext.data.readers.importing import import_source
from teachtext.data.readers.registry import read_file
from teachtext.data.readers.webdataset import unpack_videos
from teachtext.data.restricted.tar import tar_files
from teachtext.errors import InputError

VIDEO = b"\0\0\0\x18ftypmp42"


def pack(path, members, **options):
    with tarfile.open(path, "w", **options) as tar:
        for name, data in members:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def shard(path, keys, **options):
    members = [
        (f"{key}.{ending}", data)
        for key in keys
        for ending, data in (
            ("json", json.dumps({"caption": f"{key} moves", "status": "success", "fps": 25}).encode()),
            ("mp4", VIDEO + key.encode()),
            ("txt", f" {key} moves \n".encode()),
        )
    ]
    return pack(path, members, **options)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["tar.gz", "tgz", "tar"])
def test_packed_shards_are_read_as_plain_ones(tmp_path, ending):
    (tmp_path / "plain").mkdir()
    (tmp_path / "packed").mkdir()
    keys = [f"{number:09}" for number in range(400)]
    shard(tmp_path / "plain" / "0.tar", keys)
    # found by content, whatever the ending is
    (tmp_path / "packed" / f"0.{ending}").write_bytes(gzip.compress((tmp_path / "plain" / "0.tar").read_bytes()))
    for folder in ("plain", "packed"):
        import_source(tmp_path / folder, tmp_path / f"out-{folder}")
    contents = [
        {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.*") if path.name != "import.json"}
        for out in (tmp_path / "out-plain", tmp_path / "out-packed")
    ]
    assert contents[0] == contents[1] and len(contents[0]) > 400


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_shards_are_read_together_and_their_videos_unpacked(tmp_path, form):
    source = tmp_path / "shards"
    source.mkdir()
    accented = "é" * (20 if form == tarfile.USTAR_FORMAT else 60)
    shard(source / "00000.tar", ["000000000", accented], format=form)
    shard(source / "00001.tar", ["in/000000002"], format=form)
    (source / "00000_stats.json").write_text('{"count": 2, "successes": 2}')
    captions = [(caption.video_id, caption.text) for caption in read_source(source).annotations.captions]
    assert sorted(captions) == sorted((key, f"{key} moves") for key in ("000000000", accented, "in/000000002"))
    imported = import_source(source, tmp_path / "out")
    assert imported.counts == {"captions": 3, "captioned videos": 3, "videos": 3}
    dataset = load_folder(tmp_path / "out", protocol=Protocol(select=None))
    assert len(dataset.videos) == 3 and len(dataset.captions) == 3
    assert (tmp_path / "out/videos/in/000000002.mp4").read_bytes() == VIDEO + b"in/000000002"
    assert import_source(source, tmp_path / "none", videos="none").counts["videos"] == 0


def test_what_lacks_a_caption_or_a_video_is_counted(tmp_path):
    members = [
        ("a.mp4", VIDEO), ("a.json", b'{"caption": ["one", "two"], "language": "de"}'), ("a.wav", b"x"),
        ("b.mp4", VIDEO), ("b.json", b'{"caption": null}'),
        ("c.txt", b"no video"), ("d.0.mp4", VIDEO), ("d.txt", "eine Ä".encode()), ("e.mp4", VIDEO),
    ]  # fmt: skip
    form, annotations = read_file(pack(tmp_path / "x", members))
    assert form.name == "webdataset"
    assert [(caption.id, caption.text, caption.language) for caption in annotations.captions] == [
        ("a#0", "one", "de"), ("a#1", "two", "de"), ("d#0", "eine Ä", "en"), ("c#0", "no video", "en"),
    ]  # fmt: skip
    said = "\n".join(remark.what for remark in annotations.remarks if remark.is_loss)
    assert "2 keys have no caption (b, e)" in said
    assert "1 keys with a caption have no video (c)" in said
    assert "1 files are neither a video nor a caption, and were left out (a.wav)" in annotations.remarks[-1].what


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a.txt", b"\xff\xfe\xff")], "'a.txt' is not UTF-8"),
        ([("a.json", b"{")], "'a.json' is not valid JSON"),
        ([("a.json", b"[" * 100_000)], "'a.json' is not valid JSON"),
        ([("a.txt", b"x" * (2**20 + 1))], "'a.txt' is longer than 1,048,576 bytes"),
    ],
)
def test_captions_that_cannot_be_read_are_named(tmp_path, members, message):
    path = pack(tmp_path / "x.tar", [("b.mp4", VIDEO), ("b.txt", b"x"), *members])
    with pytest.raises(InputError, match=message):
        read_file(path)


def odd(name, kind=tarfile.REGTYPE, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize(
    "member",
    [
        odd("../out.mp4"), odd("/out.mp4"), odd("a/../../out.mp4"), odd("a\\..\\out.mp4"),
        odd("a.mp4", tarfile.SYMTYPE, "/etc/passwd"), odd("a.mp4", tarfile.LNKTYPE, "b.mp4"),
        odd("a.mp4", tarfile.CHRTYPE), odd("a.mp4", tarfile.FIFOTYPE),
    ],
    ids=lambda member: f"{member.name} of type {member.type!r}",
)  # fmt: skip
def test_nothing_is_written_outside_the_folder(tmp_path, member):
    path = pack(tmp_path / "x.tar", [("b.mp4", VIDEO), ("b.txt", b"x"), (member, b"")])
    folder = tmp_path / "deep" / "folder"
    for attempt in (lambda: read_file(path), lambda: unpack_videos(path, folder, {"b", "a", "out"})):
        with pytest.raises(InputError, match=r"x\.tar: member .* (would leave its folder|is a link, a device)"):
            attempt()
    assert not list(tmp_path.rglob("out.mp4"))


def test_two_videos_of_one_key_are_refused(tmp_path):
    path = pack(tmp_path / "x.tar", [("b.mp4", VIDEO), ("b.mkv", VIDEO), ("b.txt", b"x")])
    with pytest.raises(InputError, match="two videos of the key 'b'"):
        unpack_videos(path, tmp_path / "videos", {"b"})


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
@pytest.mark.parametrize("size", [3 * 2**30, 2**40, -512, -(2**40)])
def test_a_header_that_states_any_size_neither_fills_the_memory_nor_goes_on_for_ever(tmp_path, kind, size):
    member = odd("long", kind)
    member.size = size
    path = tmp_path / "x.tar"
    good = shard(tmp_path / "good.tar", ["a"]).read_bytes()
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + good)
    with pytest.raises(InputError, match=r"x\.tar"):
        list(tar_files(path))
    path.write_bytes(good[:1024] + member.tobuf(tarfile.GNU_FORMAT) + good[1024:])
    with pytest.raises(InputError, match=r"x\.tar"):
        for _, content in tar_files(path):
            content.read(2**20)
    member.type, member.name = tarfile.REGTYPE, "a.mp4"
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + good)
    with pytest.raises(InputError, match=r"x\.tar"):
        for _, content in tar_files(path):
            while content.read(2**20):
                pass


def test_a_tar_that_ends_in_the_middle_of_a_video_is_named(tmp_path):
    whole = pack(tmp_path / "whole.tar", [("a.txt", b"x"), ("a.mp4", bytes(100_000))]).read_bytes()
    path = tmp_path / "cut.tar"
    path.write_bytes(whole[:60_000])
    with pytest.raises(InputError, match=r"cut\.tar is not a whole tar file"):
        unpack_videos(path, tmp_path / "videos", {"a"})
    assert not list(tmp_path.glob("videos/*"))


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_shards_of_one_split_are_joined(tmp_path, ending):
    source = tmp_path / "shards"
    source.mkdir()
    for name in ("train-000000", "train-000001", "val-000000", "test-000000"):
        path = shard(tmp_path / "shard.tar", [f"{name}-a", f"{name}-b"])
        data = path.read_bytes()
        (source / f"{name}.{ending}").write_bytes(data if ending == "tar" else gzip.compress(data))
    imported = import_source(source, tmp_path / "out")
    assert imported.counts["videos"] == 8
    assert {split: len(ids) for split, ids in load_folder(tmp_path / "out").splits.items()} == {
        "train": 4,
        "val": 2,
        "test": 2,
    }
    assert not (tmp_path / "out/splits-000000.json").exists()


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
@pytest.mark.parametrize("names", [("train/00000", "train/00001", "test/00000"), ("a", "b", "c")])
def test_equal_keys_of_several_shards_are_different_videos(tmp_path, names, ending):
    source = tmp_path / "shards"
    for number, name in enumerate(names):
        path = source / f"{name}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = pack(tmp_path / "shard.tar", [("0.mp4", VIDEO + bytes([number])), ("0.txt", b"it moves")]).read_bytes()
        path.write_bytes(data if ending == "tar" else gzip.compress(data))
    imported = import_source(source, tmp_path / "out")
    assert imported.counts == {"captions": 3, "captioned videos": 3, "videos": 3}
    assert [(tmp_path / "out/videos" / name / "0.mp4").read_bytes()[-1] for name in names] == [0, 1, 2]
    assert any("several archives have videos of one id" in remark.what for remark in imported.remarks)
    dataset = load_folder(tmp_path / "out", protocol=Protocol(select=None))
    assert {caption.video_id for caption in dataset.captions} == {f"{name}/0" for name in names}
    if "train/00000" in names:
        assert dataset.splits == {"train": ["train/00000/0", "train/00001/0"], "test": ["test/00000/0"]}


def test_check_of_shards_says_how_their_videos_are_unpacked(tmp_path):
    shard(tmp_path / "00000.tar", ["a", "b"])
    findings = check_folder(tmp_path).findings
    assert not any("without the ending of a video" in finding.what for finding in findings)
    assert "teachtext data import" in next(f.mend for f in findings if "without a file" in f.what)


@pytest.mark.slow
def test_a_packed_shard_that_is_cut_or_becomes_too_large_is_refused(tmp_path):
    plain = shard(tmp_path / "whole.tar", ["a"]).read_bytes()
    zeros = pack(tmp_path / "zeros.tar", [("a.mp4", bytes(300 << 20)), ("a.txt", b"x")]).read_bytes()
    for content, reason in (
        (gzip.compress(plain)[:-9], "ended before"),
        (gzip.compress(plain)[:-8] + bytes(8), "CRC check failed"),
        (gzip.compress(zeros), "it would become far larger than it is"),
    ):
        path = tmp_path / "x.tar.gz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"x\.tar\.gz is not a whole tar file \(.*{reason}"):
            unpack_videos(path, tmp_path / "out", ["a"])
