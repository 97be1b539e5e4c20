import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from archives import NAN, pack, python2, write
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from teachtext.data.benchmarks import benchmark
from teachtext.data.folder import load_folder
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.originals.archive import import_archive
from teachtext.originals.archive.layouts import LAYOUTS
from teachtext.originals.archive.stores import write_expert

DATASETS = ["MSRVTT", "MSVD", "DiDeMo", "LSMDC", "activity-net"]


def read(path):
    return json.loads(path.read_text())


def row(imported, kind, name):
    (entry,) = (entry for entry in imported.rows if (entry.kind, entry.name) == (kind, name))
    return entry


def is_missing(value):
    return isinstance(value, float) or value.size == 0


def assert_holds(file, expected):
    assert set(file.ids) == set(expected)
    for item_id, value in expected.items():
        rows = file.read(item_id)
        if is_missing(value):
            assert file.rows_of(item_id) == 0
        else:
            np.testing.assert_array_equal(rows, np.atleast_2d(value))


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("dataset", DATASETS)
def test_values_and_presence_survive(make, tmp_path, dataset, protocol):
    made = make(dataset)
    out = tmp_path / "out"
    imported = import_archive(made.at(tmp_path / "structured-symlinks", protocol), dataset=dataset, out=out)
    assert {path.name for path in (out / "features" / "video").iterdir()} == set(made.experts)
    for name, values in made.experts.items():
        file = FeatureFile(out / "features" / "video" / name, verify=True)
        assert_holds(file, values)
        wide = any(not is_missing(value) and value.dtype == np.float32 for value in values.values())
        entry = row(imported, "expert", name)
        assert (entry.dtype, entry.dim) == ("float32" if wide else "float16", 5)
        lacking = [v for split in made.splits.values() for v in split if is_missing(values[v])]
        assert entry.missing == len(lacking)
        assert file.provenance["dataset"] == dataset and file.provenance["files"] == entry.files
    fused = dataset in ("DiDeMo", "activity-net")
    for name, values in made.texts.items():
        file = FeatureFile(out / "features" / "text" / name, verify=True)
        if fused:
            assert_holds(file, {f"{v}#fused": np.concatenate(rows) for v, rows in values.items()})
        else:
            assert_holds(file, {f"{v}#{k}": value for v, rows in values.items() for k, value in enumerate(rows)})
        assert file.provenance["output"] == "tokens"
        assert row(imported, "text", name).missing == 0


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_dataset_folder_loads_and_its_queries_have_features(make, tmp_path, dataset):
    made = make(dataset)
    out = tmp_path / "out"
    import_archive(
        made.at(tmp_path / "data" / dataset / "high-quality" / "structured-symlinks"), dataset=dataset, out=out
    )
    published = benchmark(dataset.lower().replace("-", ""))
    if dataset == "activity-net":
        made.splits["val1"] = made.splits.pop("val")
    assert read(out / "splits.json") == made.splits
    loaded = load_folder(out, protocol=published.protocol, missing_videos="keep")
    texts = {caption.id: caption.text for caption in loaded.captions}
    assert texts == {f"{v}#{k}": " ".join(words) for v, texts in made.captions.items() for k, words in enumerate(texts)}
    words = FeatureFile(out / "features" / "text" / "w2v")
    queries = loaded.queries_of(published.protocol.test)
    assert queries and all(words.rows_of(query.id) for query in queries)


def contents(out):
    """Everything that was imported: texts, and the ids, sources and values of features."""
    imported = {path.name: path.read_text() for path in out.glob("*.json*") if path.name != "import.json"}
    for folder in out.glob("features/*/*"):
        file = FeatureFile(folder)
        imported[folder.name] = (file.checksum(), {item_id: file.read(item_id).tolist() for item_id in file.ids})
    return imported


def as_folders(root, prefix, tmp_path):
    whole = shutil.copytree(root, tmp_path / "unpacked" / prefix)
    yield tmp_path / "unpacked"
    while whole != tmp_path / "unpacked":
        yield whole
        whole = whole.parent


@pytest.mark.parametrize("prefix", ["data/MSVD/high-quality/structured-symlinks", "data/MSVD/structured-symlinks"])
def test_packed_or_unpacked_at_any_level_it_is_the_same(make, tmp_path, prefix):
    root = make("MSVD").at(tmp_path / "made")
    packed = pack(root, tmp_path / "MSVD-experts.tar.gz", prefix)
    results = {}
    for number, path in enumerate([packed, *as_folders(root, prefix, tmp_path)]):
        out = tmp_path / f"out{number}"
        imported = import_archive(path, dataset="msvd", out=out)
        assert all(item.is_present for item in imported.rows if item.kind in ("captions", "expert"))
        results[path] = contents(out)
    assert len(results) == len(prefix.split("/")) + 2
    assert all(result == results[packed] for result in results.values())
    report = read(tmp_path / "out0" / "import.json")
    assert len(report["sha1"]) == 40 and report["published"] == ""
    assert "not one of the published checksums" in report["notes"][0]
    assert {"mask denoise-less100", "text openai", "teacher any"} <= set(report["missing"])
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_published_archive_is_recognised_by_its_checksum(make, tmp_path, monkeypatch):
    packed = pack(make("MSVD").at(tmp_path / "made"), tmp_path / "a.tar.gz", "data/MSVD/structured-symlinks")
    sha1 = hashlib.sha1(packed.read_bytes()).hexdigest()
    monkeypatch.setitem(LAYOUTS["MSVD"].published, sha1, "archive of this test")
    imported = import_archive(packed, dataset="MSVD", out=tmp_path / "out")
    assert (imported.sha1, imported.published) == (sha1, "archive of this test")
    assert "the published archive 'archive of this test'" in imported.notes[0]


def test_of_two_files_of_an_expert_the_first_is_imported(make, tmp_path):
    made = make("LSMDC")
    root = made.at(tmp_path / "given")
    imported = import_archive(root, dataset="LSMDC", out=tmp_path / "out")
    assert list(row(imported, "expert", "audio").files) == ["aggregated_audio/vggish-raw.pickle"]
    assert any("aggregated_audio_feats/vggish-audio-raw.pickle left out" in note for note in imported.notes)
    (root / "aggregated_audio" / "vggish-raw.pickle").unlink()
    imported = import_archive(root, dataset="LSMDC", out=tmp_path / "again")
    assert list(row(imported, "expert", "audio").files) == ["aggregated_audio_feats/vggish-audio-raw.pickle"]


def test_lists_and_captions_may_stand_in_the_other_root(make, tmp_path):
    # as in the high-quality archive of LSMDC
    made = make("LSMDC")
    words = {name: made.files.pop(name) for name in list(made.files) if name.endswith(".txt") or "captions" in name}
    dataset = tmp_path / "data" / "LSMDC"
    made.at(dataset / "high-quality" / "structured-symlinks")
    write(dataset / "structured-symlinks", words | {"aggregated_ocr_feats/ocr-raw.pickle": {}}, 2)
    packed = pack(dataset, tmp_path / "LSMDC.tar.gz", "data/LSMDC")
    for number, path in enumerate([packed, tmp_path / "data", dataset]):
        out = tmp_path / f"out{number}"
        imported = import_archive(path, dataset="LSMDC", out=out)
        assert read(out / "splits.json") == made.splits
        assert (out / "captions.jsonl").exists() and "high-quality/structured-symlinks" in next(
            iter(row(imported, "expert", "scene.densenet161.0").files)
        )


def test_the_families_of_splits(make, tmp_path):
    made = make("MSRVTT")
    jsfusion = {"train_list_jsfusion.txt": "vid.0.mp4\nvid.2\n", "val_list_jsfusion.txt": "vid.1"}
    miech = {"train_list_miech.txt": "vid.2\n", "test_list_miech.txt": "vid.0.mp4\nvid.0.mp4\n"}
    made.files |= jsfusion | miech | {"jsfusion_val_caption_idx.pkl": {"vid.1": 2}}
    out = tmp_path / "out"
    imported = import_archive(made.at(tmp_path / "given"), dataset="MSRVTT", out=out)
    assert read(out / "splits.json") == made.splits
    assert read(out / "splits-1k-a.json") == {"train": ["vid.0.mp4", "vid.2"], "test": ["vid.1"]}
    assert read(out / "splits-1k-b.json") == {"train": ["vid.2"], "test": ["vid.0.mp4"]}
    assert read(out / "chosen-1k-a.json") == {"vid.1": "vid.1#2"}
    assert row(imported, "splits", "main").missing == 1
    (tmp_path / "given" / "jsfusion_val_caption_idx.pkl").unlink()
    imported = import_archive(tmp_path / "given", dataset="MSRVTT", out=tmp_path / "again")
    assert "never packed" in row(imported, "chosen captions", "1k-a").note
    assert not (tmp_path / "again" / "chosen-1k-a.json").exists()


def test_the_second_validation_set_of_activity_net(make, tmp_path):
    made = make("activity-net")
    made.files["val_2_list.txt"] = "vid.2\n"
    made.files["aggregated_text_feats/openai-train.pkl"] = {v: made.texts["w2v"][v] for v in ("vid.0.mp4", "vid.1")}
    made.files["aggregated_text_feats/openai-val1.pkl"] = {"vid.2": made.texts["w2v"]["vid.2"]}
    made.files["aggregated_text_feats/openai-val2.pkl"] = {"vid.2": made.texts["w2v"]["vid.2"][:1]}
    imported = import_archive(made.at(tmp_path / "given"), dataset="ActivityNet", out=tmp_path / "out")
    assert read(tmp_path / "out" / "splits-val2.json") == {"train": made.splits["train"], "val2": ["vid.2"]}
    assert row(imported, "text", "openai").missing == 0
    assert any("openai-val2.pkl left out" in note for note in imported.notes)


@pytest.mark.parametrize("direction", ["to the dataset's ids", "from them"])
def test_text_features_under_other_ids(make, tmp_path, direction):
    made = make("MSVD")
    other = {v: f"vid{number}" for number, v in enumerate(made.captions)}
    split_of = {v: split for split, video_ids in made.splits.items() for v in video_ids}
    for v, name in other.items():
        part = made.files.setdefault(f"aggregated_text_feats/openai-{split_of[v]}.pkl", {})
        part[name] = made.texts["w2v"][v]
    mapping = other if direction == "from them" else {name: v for v, name in other.items()}
    made.files["dict_youtube_mapping.pkl"] = mapping
    import_archive(made.at(tmp_path / "given"), dataset="MSVD", out=tmp_path / "out")
    mapped, direct = (FeatureFile(tmp_path / "out" / "features" / "text" / name) for name in ("openai", "w2v"))
    assert set(mapped.ids) == set(direct.ids)
    assert all(np.array_equal(mapped.read(caption), direct.read(caption)) for caption in direct.ids)
    (tmp_path / "given" / "dict_youtube_mapping.pkl").unlink()
    with pytest.raises(
        InputError, match=r"openai-.*.pkl describes none of .*: remove it, or add dict_youtube_mapping.pkl"
    ):
        import_archive(tmp_path / "given", dataset="MSVD", out=tmp_path / "again")


def test_denoising_masks(make, tmp_path):
    made = make("MSRVTT")
    vectors = {v: np.arange(len(texts)) % 2 for v, texts in made.captions.items()}
    made.files["denoising_masks/denoise-less100.pkl"] = vectors
    made.files["denoising_masks/denoise-less80.pkl"] = {v: flags.tolist() for v, flags in vectors.items()}
    made.files["denoising_masks/denoise-less80.txt"] = "vid.1\nvid.0.mp4\n"
    import_archive(made.at(tmp_path / "given"), dataset="MSRVTT", out=tmp_path / "out")
    mask = read(tmp_path / "out" / "denoising" / "denoise-less80.json")
    assert mask["kept"] == sorted(f"{v}#{k}" for v, flags in vectors.items() for k, on in enumerate(flags) if on)
    assert mask["dropped"] == sorted(f"{v}#{k}" for v, flags in vectors.items() for k, on in enumerate(flags) if not on)
    assert (mask["name"], mask["videos"]) == ("denoise-less80", ["vid.1", "vid.0.mp4"])
    same = read(tmp_path / "out" / "denoising" / "denoise-less100.json")
    assert same == {"name": "denoise-less100", "kept": mask["kept"], "dropped": mask["dropped"]}


def test_missing_files_are_reported(make, tmp_path):
    made = make("MSVD")
    gone = [name for name in made.files if "senet" in name or "w2v" in name or "raw-captions" in name or "val" in name]
    for name in gone:
        del made.files[name]
    made.files["aggregated_face_feats/face-avg.pickle"] = {"vid.1": NAN}
    imported = import_archive(made.at(tmp_path / "given"), dataset="MSVD", out=tmp_path / "out")
    missing = read(tmp_path / "out" / "import.json")["missing"]
    assert {"captions raw captions", "expert imagenet.senet154.0", "expert ocr", "text w2v"} <= set(missing)
    assert not row(imported, "expert", "ocr").is_present
    assert row(imported, "expert", "face").note == "all are missing"
    assert row(imported, "splits", "main").note == "train 3, test 2"
    assert not (tmp_path / "out" / "captions.jsonl").exists()
    assert any("needs a captions file" in note for note in imported.notes)
    assert row(imported, "expert", "i3d.i3d.0").note == "1024 wide expected"


def test_text_features_of_one_array_and_of_none(make, tmp_path):
    made = make("MSVD")
    equal = np.arange(24, dtype="f4").reshape(3, 2, 4)
    made.files["aggregated_text_feats/w2v.pkl"] = {"vid.1": equal, "vid.0.mp4": NAN, "vid.2": [NAN, equal[0]]}
    imported = import_archive(made.at(tmp_path / "given"), dataset="MSVD", out=tmp_path / "out")
    file = FeatureFile(tmp_path / "out" / "features" / "text" / "w2v")
    assert all(np.array_equal(file.read(f"vid.1#{k}"), equal[k]) for k in range(3))
    assert [file.rows_of(caption) for caption in ("vid.0.mp4#0", "vid.2#0", "vid.2#1")] == [0, 0, 2]
    assert row(imported, "text", "w2v").items == 4


def test_captions_that_are_texts_empty_or_many(make, tmp_path):
    made = make("LSMDC")
    long = "word " * 400
    made.files["raw-captions.pkl"] = {"vid.1": [long, "", ["x"]], "unlisted": [["y", "z"]]}
    made.files = {name: content for name, content in made.files.items() if "text_feats" not in name}
    import_archive(made.at(tmp_path / "given"), dataset="LSMDC", out=tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / "captions.jsonl").read_text().splitlines()]
    assert [(line["id"], line["text"]) for line in lines] == [
        ("vid.1#0", long),
        ("vid.1#2", "x"),
        ("unlisted#0", "y z"),
    ]


def finite(dtype):
    return st.floats(-1e4, 1e4, width=16).map(dtype)


VALUES = st.one_of(
    st.just(NAN),
    st.tuples(st.sampled_from([np.float16, np.float32]), st.integers(0, 3)).flatmap(
        lambda of: arrays.arrays(of[0], (of[1], 4), elements=finite(of[0]))
    ),
)


@settings(max_examples=40, deadline=None)
@given(
    values=st.dictionaries(st.text(st.characters(max_codepoint=255), max_size=9), VALUES),
    how=st.sampled_from([0, 2, 4, 5]),
)
def test_any_sequence_survives(tmp_path_factory, values, how):
    folder = tmp_path_factory.mktemp("any")
    for name, data in {"python 2": python2(values), "python 3": pickle.dumps(values, how)}.items():
        (folder / "given.pickle").write_bytes(data)
        written = write_expert(folder / "given.pickle", folder / name, sequence=True, provenance={})
        present = {video for video, value in values.items() if not is_missing(value)}
        assert (written.items if written else set()) == present
        if written:
            assert_holds(FeatureFile(folder / name, verify=True), values)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["python 2", "python 3", "python 3, old protocol"])
def test_memory_is_small_against_the_largest_file(tmp_path, kind):
    """The peak of a whole process, against that of one that imports nearly nothing."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    code = (
        "import re, sys; from pathlib import Path; from teachtext.originals.archive.stores import write_expert;"
        "write_expert(Path(sys.argv[1]), Path(sys.argv[2]), sequence=True, provenance={});"
        "print(re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    peaks = {}
    for videos in (1, 3000):
        values = {f"v{k}": np.full((10, 300), k, np.float32) for k in range(videos)}
        path = tmp_path / f"{videos}.pickle"
        path.write_bytes(python2(values) if kind == "python 2" else pickle.dumps(values, 2 if "old" in kind else 4))
        command = [sys.executable, "-c", code, path, tmp_path / f"out{videos}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[videos] = int(said.stdout) * 1024
    size = (tmp_path / "3000.pickle").stat().st_size
    assert size > 36_000_000
    assert peaks[3000] - peaks[1] < size
