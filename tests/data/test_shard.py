import multiprocessing
import os
import sys
import tracemalloc
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from processes import PATIENCE_S

from teachtext.data import shard
from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.shard import Shard, write_shard
from teachtext.data.store import FeatureFile, shards_of
from teachtext.errors import InputError

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def item(number, rows=3, dim=4):
    return np.random.default_rng(number).normal(size=(rows, dim)).astype(np.float16)


@pytest.fixture
def file(tmp_path):
    with FeatureWriter(tmp_path, provenance={}, dim=4, shard_items=5) as writer:
        for number in range(40):
            writer.add(str(number), item(number, rows=number % 4))
    return FeatureFile(tmp_path)


def right(file, number):
    return np.array_equal(file.read(str(number)), item(number, rows=number % 4))


@pytest.mark.parametrize("max_rows", [0, 1, 2, 9])
def test_the_first_rows_of_an_item(file, max_rows):
    for number in range(40):
        np.testing.assert_array_equal(
            file.read(str(number), max_rows=max_rows), item(number, rows=number % 4)[:max_rows]
        )


def test_threads_read_side_by_side(file):
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: right(file, number % 40), range(2000)))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_worker_processes_read_what_they_are_handed(file, start):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(start)) as pool:
        values = list(pool.map(file.read, map(str, range(40)), timeout=PATIENCE_S))
    assert all(np.array_equal(values, item(n, rows=n % 4)) for n, values in enumerate(values))


@linux
def test_nothing_stays_open_or_mapped(file, tmp_path):
    def opened():
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before = opened()
    files = [FeatureFile(tmp_path, verify=True) for _ in range(20)]
    assert all(right(shard_file, number) for shard_file in files for number in range(40))
    assert opened() == before
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def truncate(path):
    os.truncate(path, path.stat().st_size - 3)


def replace(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize("change", [truncate, replace, Path.unlink])
def test_a_shard_that_changes_while_it_is_in_use_is_refused(file, tmp_path, change):
    change(shards_of(tmp_path)[0])
    with pytest.raises(InputError, match=r"part-00000.*: run again"):
        file.read("1")
    assert right(file, 39)


@pytest.mark.parametrize("block", [1, 20, 100])
def test_what_is_verified_in_pieces_is_verified_whole(tmp_path, monkeypatch, block):
    monkeypatch.setattr(shard, "_BLOCK_BYTES", block)
    path, values = tmp_path / "part-00000.safetensors", [item(0), item(1, rows=0), item(2, rows=20)]
    header = {"ids": ["a", "b", "c"], "sources": [""] * 3, "provenance": {}}
    write_shard(path, items=values, **header)
    Shard.open(path).verify()
    values[2][7, 1] = np.nan
    write_shard(path, items=values, **header)
    with pytest.raises(InputError, match=r"part-00000.*NaN"):
        Shard.open(path).verify()
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"part-00000.*(checksum|do not fit)"):
        Shard.open(path).verify()


def test_verifying_takes_little_memory(tmp_path):
    items = [np.ones((1024, 1024), np.float16)] * 32
    ids = [str(number) for number in range(32)]
    write_shard(tmp_path / "part-00000.safetensors", ids=ids, sources=ids, items=items, provenance={})
    tracemalloc.start()
    try:
        FeatureFile(tmp_path, verify=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(path.stat().st_size for path in shards_of(tmp_path)) > 2**26
    assert peak < 2**25 + 2**24


@pytest.mark.parametrize("order", ["columns first", "every second column"])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f2", ">f2", "<f8"])
def test_items_may_lie_in_memory_in_any_order(tmp_path, order, kind):
    items = [item(number, rows=number + 1) for number in range(3)]
    with FeatureWriter(tmp_path, provenance={}, dim=4) as writer:
        for number, rows in enumerate(items):
            wide = np.repeat(rows.astype(kind), 2, axis=1)
            writer.add(str(number), np.asfortranarray(wide[:, ::2]) if order == "columns first" else wide[:, ::2])
    file = FeatureFile(tmp_path)
    assert all(np.array_equal(file.read(str(number)), rows) for number, rows in enumerate(items))
