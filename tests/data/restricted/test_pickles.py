import pickle
import struct
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
from archives import NAN, python2, store
from hypothesis import given
from hypothesis import strategies as st

from teachtext.data.restricted.pickles import unpickled
from teachtext.data.restricted.standins import ExpertStore, LazyArray
from teachtext.errors import InputError

# above and below the size from which contents stay in the file
SHAPES = [(0,), (3,), (2, 5), (40, 17), (1, 2048)]


def plain(value, path):
    """Turn stand-ins into what they stand for."""
    match value:
        case LazyArray(items=None):
            return value.read(path)
        case LazyArray():
            return [plain(item, path) for item in value.items]
        case dict():
            return {key: plain(item, path) for key, item in value.items()}
        case list() | tuple():
            return type(value)(plain(item, path) for item in value)
    return value


def loaded(data, path, **options):
    path.write_bytes(data)
    with unpickled(path, **options) as content:
        return plain(content, path)


def same(actual, expected):
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(actual, expected)
        assert actual.dtype == expected.dtype
    elif isinstance(expected, dict):
        assert list(actual) == list(expected)
        for key in expected:
            same(actual[key], expected[key])
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for pair in zip(actual, expected, strict=True):
            same(*pair)
    else:
        assert actual == expected or (actual != actual and expected != expected)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "given.pickle"


@pytest.mark.parametrize("protocol", ["python 2", 0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i8", "u1"])
@pytest.mark.parametrize("whole", [False, True])
def test_arrays_survive(path, protocol, dtype, whole):
    rng = np.random.default_rng(0)
    content = {f"v{k}": rng.uniform(0, 99, size=shape).astype(dtype) for k, shape in enumerate(SHAPES)}
    content |= {"nan": NAN, "list": [rng.normal(size=(k, 300)).astype("f4") for k in range(4)]}
    data = python2(content) if protocol == "python 2" else pickle.dumps(content, protocol)
    same(loaded(data, path, whole=whole), content)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_other_orders_containers_and_numbers_survive(path, protocol):
    rng = np.random.default_rng(0)
    content = {
        "fortran": np.asfortranarray(rng.normal(size=(40, 30))),
        "big-endian": rng.normal(size=(9, 99)).astype(">f4"),
        "numpy nan": np.float32("nan"),
        "numpy numbers": [np.float16(0.5), np.int64(7), np.float64(2)],
        "text": [np.str_("word"), "\u00e9\u4e2d" * 600, "x" * 600],
        "tuple": (1, None, True),
    }
    result = loaded(pickle.dumps(content, protocol), path, whole=True)
    same(result, content | {"tuple": (1, None, True)})
    objects = np.array([rng.normal(size=(k, 3)) for k in (1, 2)], dtype=object)
    same(loaded(pickle.dumps({"objects": objects}, protocol), path)["objects"], list(objects))
    sets = {"set": {1, 2}, "frozen": frozenset("a"), "ordered": OrderedDict(a=1), "default": defaultdict(list, a=[1])}
    assert loaded(pickle.dumps(sets, protocol), path) == sets


@pytest.mark.parametrize("module", ["utils.datastructures", "datastructures", "zsvision.zs_data_structures"])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_expert_stores(path, module, protocol):
    rows = {"a": np.arange(400.0), "b": NAN}
    path.write_bytes(pickle.dumps(store(rows, 400, module), protocol))
    with unpickled(path) as content:
        assert isinstance(content, ExpertStore)
        matrix = content.matrix.read(path)
        np.testing.assert_array_equal(matrix[content.rows["a"]], np.arange(400))
        assert np.isnan(matrix[content.rows["b"]]).all()


class Runs:
    """Pickles as a call of anything."""

    def __init__(self, called, *arguments):
        self.call = called, arguments

    def __reduce__(self):
        return self.call


def by_name(module, name, arguments=b"(Vtouch ran\ntR"):
    return b"c" + module + b"\n" + name + b"\n" + arguments + b"."


def stacked(module, name):
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text for text in (module, name))
    return b"\x80\x04" + texts + b"\x93\x8c\x09touch ran\x85R."


HOSTILE = {
    "os.system": by_name(b"os", b"system"),
    "posix.system": by_name(b"posix", b"system"),
    "eval": by_name(b"builtins", b"eval"),
    "python 2 eval": by_name(b"__builtin__", b"eval"),
    "getattr": by_name(b"builtins", b"getattr"),
    "numpy.load": by_name(b"numpy", b"load"),
    "numpy.f2py": by_name(b"numpy.f2py", b"compile"),
    "numpy internals": by_name(b"numpy.core.multiarray", b"fromfile"),
    "numpy under a name": by_name(b"numpy.core.numeric", b"loads"),
    "codecs.open": by_name(b"codecs", b"open"),
    "_codecs.decode": by_name(b"_codecs", b"decode"),
    "a builtin": by_name(b"builtins", b"bytearray"),
    "dotted": stacked(b"builtins", b"dict.fromkeys"),
    "dotted numpy": stacked(b"numpy", b"ndarray.tofile"),
    "dotted module": stacked(b"numpy.core", b"multiarray.scalar"),
    "dotted stand-in": stacked(b"utils.datastructures", b"ExpertStore.__setstate__"),
    "a store of another name": by_name(b"utils.datastructures", b"HashableDict"),
    "instance": b"(Vtouch ran\nios\nsystem\n.",
    "object": b"(cos\nsystem\nVtouch ran\no.",
    "newobj": b"\x80\x02csubprocess\nPopen\nVtouch ran\n\x85\x81.",
    "inside an array": pickle.dumps({"v": np.array([Runs(exec, "raise SystemExit(9)")], dtype=object)}, 2),
    "inside a store": pickle.dumps(Runs(print, "ran"), 4),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_every_other_class_is_refused_and_nothing_runs(path, name, capfd, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(
        InputError, match=r"given.pickle holds '.+', which is not plain data; no code of it was run: remove"
    ):
        loaded(HOSTILE[name], path)
    assert [item.name for item in path.parent.iterdir()] == ["given.pickle"]
    assert capfd.readouterr().out == ""


MISUSED = {
    "a state for a function": b"\x80\x02c_codecs\nencode\n}X\x0c\x00\x00\x00__defaults__)sb.",
    "a state for a class": b"\x80\x02cnumpy\nndarray\n}X\x04\x00\x00\x00readNsb.",
    "a state for a container": b"\x80\x02}}X\x01\x00\x00\x00aNsb.",
    "a call of an array": b"\x80\x02cnumpy\nndarray\n(K\x09tR.",
    "an array of another class": b"cnumpy.core.multiarray\n_reconstruct\n(c__builtin__\nobject\n(tVb\ntR.",
    "a structured type": b"cnumpy\ndtype\n(VV8\nI0\nI1\ntR.",
    "a type of fields": b"cnumpy\ndtype\n(Vi4\nI0\nI1\ntR(I3\nV<\nNN}Va\nNsI-1\nI-1\nI0\ntb.",
    "bytes of a size": b"\x80\x02cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.",
    "another codec": b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
    "a persistent id": b"Pabc\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "a buffer out of band": b"\x80\x05\x97.",
    "text": b"hello",
    "nothing": b"",
    "an endless text": b"\x80\x02X\xff\xff\xff\xff.",
    "an endless byte string": b"\x80\x04\x8e" + struct.pack("<Q", 2**63) + b".",
    "a negative length": b"\x80\x02T\xff\xff\xff\xff.",
}


@pytest.mark.parametrize("name", MISUSED)
def test_misused_classes_and_broken_pickles(path, name):
    with pytest.raises(InputError, match=r"given.pickle is not a whole pickle of plain data \(.+\): copy or download"):
        loaded(MISUSED[name], path)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("shape", [(4, 99), (-1, 400), (2**50, 0), (400, 0), "no shape"])
def test_an_array_that_does_not_fit_its_bytes(path, shape, large):
    size = 400 if large else 40
    raw = np.zeros(size, "f4")
    function, arguments, state = raw.__reduce__()
    wrong = (state[0], shape, *state[2:])

    class Wrong:
        def __reduce__(self):
            return function, arguments, wrong

    for protocol in (2, 4):
        with pytest.raises(InputError, match=r"given.pickle is (not a whole pickle|damaged)"):
            loaded(pickle.dumps(Wrong(), protocol), path)


SOUND = {
    "python 2": python2({"a": np.arange(200, dtype="f4"), "b": NAN, "c": [np.ones((2, 3), "f4")]}),
    **{f"protocol {p}": pickle.dumps({"a": np.arange(200, dtype="f4"), "b": NAN, "c": ["d"]}, p) for p in (0, 2, 4, 5)},
    "store": pickle.dumps(store({"a": np.arange(9.0), "b": NAN}, 9), 2),
}


@pytest.mark.parametrize("name", SOUND)
@given(data=st.data())
def test_what_is_cut_or_changed_is_refused_or_data(name, tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.pickle"
    whole = SOUND[name]
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(InputError, match=r"damaged.pickle (is not a whole pickle|is damaged|holds)"):
        loaded(whole[:cut], path)
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        loaded(bytes(changed), path)
    except InputError as error:
        assert str(path) in error.problem


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"gone.pkl cannot be read"), unpickled(Path(tmp_path / "gone.pkl")):
        pass
