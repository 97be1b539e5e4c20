import json
import re
from collections import Counter

import pytest

from teachtext.data.benchmarks import COLUMNS, benchmark, benchmarks
from teachtext.data.folder import load_folder
from teachtext.errors import InputError

NUMBER = re.compile(r"\d+(\.\d+)?( \(\d+\.\d+\))?")


@pytest.mark.parametrize("name", benchmarks())
def test_every_benchmark_is_whole(name):
    entry = benchmark(name)
    assert entry.title and entry.note and entry.counts_from
    # sizes are of lists that the protocol uses
    assert {*entry.splits, *entry.queries} <= {*entry.protocol.splits}
    for table in entry.published:
        assert table.task in ("t2v", "v2t") and table.source
        assert "recall" not in table.source.lower()
        for numbers in table.rows.values():
            assert 1 <= len(numbers) <= len(COLUMNS)
            assert all(value is None or NUMBER.fullmatch(value) for value in numbers)
            recalls = [float(value.split()[0]) for value in numbers[:4] if value]
            assert recalls == sorted(recalls) and recalls[0] > 0 and recalls[-1] < 100


def test_the_protocols_and_sizes_are_those_of_the_field():
    """The sizes are those of the papers that introduced the splits."""
    sizes = {name: [*entry.splits.values()] for name, entry in benchmarks().items()}
    assert sizes["msrvtt"] == [[6513], [497], [2990]]
    assert sizes["msvd"] == [[1200], [100], [670]]
    assert sizes["didemo"] == [[8392, 8395], [1065], [1004]]
    assert sizes["lsmdc"] == [[101079], [1000]]
    assert sizes["activitynet"] == [[10009], [4917]]
    assert (sizes["msrvtt-1k-a"], sizes["msrvtt-1k-b"]) == ([[9000], [1000]], [[6656], [1000]])
    assert benchmark("msrvtt").queries["test"] == 59794
    uses = {
        name: [entry.protocol.captions_in(split) for split in entry.protocol.splits]
        for name, entry in benchmarks().items()
    }
    assert uses["msrvtt"] == ["separate", "first", "separate"]
    assert (uses["msrvtt-1k-a"], uses["msrvtt-1k-b"]) == (["separate", "chosen"], ["separate", "first"])
    assert uses["didemo"] == ["fused"] * 3
    assert uses["activitynet"] == ["fused"] * 2 and benchmark("activitynet").protocol.select == "val1"
    assert benchmark("msrvtt-1k-a").protocol.select is None


def test_the_tasks_of_mteb_have_lists_and_captions_of_their_own():
    """Sizes as in the statistics that mteb 2.26.24 ships."""
    tasks = {name.removeprefix("mteb/"): entry for name, entry in benchmarks().items() if name.startswith("mteb/")}
    assert {name: entry.queries["test"] for name, entry in tasks.items()} == {
        "activitynet": 4884,
        "didemo": 999,
        "msrvtt": 879,
        "msvd": 660,
        "vatex": 1000,
        "youcook2": 3104,
    }
    for entry in tasks.values():
        # one right video a query
        assert entry.splits["test"] == [entry.queries["test"]] and entry.ndcg and not entry.learns
        assert "MTEB" in entry.title and entry.protocol.select is None and "nDCG@10" in entry.note
    assert not any(entry.ndcg for name, entry in benchmarks().items() if "/" not in name)
    assert tasks["msrvtt"].protocol.captions_in("test") == "chosen"
    assert tasks["msvd"].protocol.captions_in("test") == "first"


def test_every_published_row_of_the_original_is_there():
    """The rows of the tables in the READMEs of Collaborative Experts and TeachText."""
    rows = Counter(
        (table.source, table.task) for b in benchmarks().values() for table in b.published for _ in table.rows
    )
    assert rows[("TeachText README, high-quality features", "t2v")] == 20
    assert rows[("Collaborative Experts README, features of compressed videos", "t2v")] == 13
    assert rows[("Collaborative Experts README, features of compressed videos", "v2t")] == 13
    assert rows[("TeachText README, trained on denoised captions", "t2v")] == 4
    msvd = next(table for table in benchmark("msvd").published if "high-quality" in table.source)
    assert msvd.rows["TeachText-CE+"][:3] == ["25.1 (0.6)", "56.8 (0.6)", "71.2 (0.6)"]


def test_an_unknown_benchmark_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"benchmark 'msr' is unknown: use one of activitynet, didemo, lsmdc"):
        benchmark("msr")


@pytest.fixture
def folder(tmp_path):
    captions = {f"v{i}": [f"caption {k} of {i}" for k in range(3)] for i in range(6)}
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    lists = {"train": ["v0", "v1", "v2"], "val": ["v3"], "test": ["v4", "v5"]}
    (tmp_path / "splits.json").write_text(json.dumps(lists))
    (tmp_path / "splits-1k-a.json").write_text(json.dumps({"train": ["v0", "v1", "v4"], "test": ["v5", "v2"]}))
    (tmp_path / "chosen-1k-a.json").write_text(json.dumps({"v5": "v5#2", "v2": "v2#0"}))
    return tmp_path


def load(folder, name):
    entry = benchmark(name)
    return load_folder(
        folder,
        protocol=entry.protocol,
        missing_videos="keep",
        splits_file=entry.splits_file,
        chosen_file=entry.chosen_file,
    )


def test_each_split_has_its_own_queries(folder):
    full = load(folder, "msrvtt")
    assert [len(full.queries_of(split)) for split in ("train", "val", "test")] == [9, 1, 6]
    dataset = load(folder, "msrvtt-1k-a")
    assert [query.id for query in dataset.queries_of("test")] == ["v5#2", "v2#0"]
    assert len(dataset.queries_of("train")) == 9


def test_lists_of_another_size_are_told(folder):
    differences = benchmark("msrvtt").differences(load(folder, "msrvtt"))
    assert differences[0].startswith(
        "split 'train' lists 3 videos, MSR-VTT, full split has 6,513: these numbers do not compare"
    )
    assert [line.split("'")[1] for line in differences] == ["train", "val", "test", "val", "test"]
    assert "lists 3 videos, DiDeMo has 8,392 or 8,395" in benchmark("didemo").differences(load(folder, "didemo"))[0]
    assert benchmark("youcook2").differences(load(folder, "youcook2")) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, 'chosen-1k-a.json does not exist: write {"video id": "id of the caption that is its query"} there'),
        ("[]", "chosen-1k-a.json is not an object of caption ids"),
        ('{"v5": "v4#0"}', "chosen-1k-a.json: 'v4#0' is no caption of video 'v5': name one of its captions"),
        ('{"v5": "v5#0"}', "chosen-1k-a.json names no caption of video 'v2' of split 'test'"),
    ],
)
def test_a_choice_that_does_not_fit_is_refused(folder, content, message):
    (folder / "chosen-1k-a.json").unlink()
    if content:
        (folder / "chosen-1k-a.json").write_text(content)
    with pytest.raises(InputError) as caught:
        load(folder, "msrvtt-1k-a")
    assert message in str(caught.value)


def test_a_missing_list_is_named_with_those_there_are(folder):
    with pytest.raises(InputError, match=r"splits-1k-b.json does not exist: add it; there is splits-1k-a.json, splits"):
        load(folder, "msrvtt-1k-b")
