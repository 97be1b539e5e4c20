"""Files of torch.save, and pickles of tensors, are read without torch, and run nothing."""

import io
import pathlib
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from teachtext.data.restricted.tensors import LazyTensor, read_pickled_tensors, read_tensors
from teachtext.errors import InputError


def plain(value):
    if isinstance(value, LazyTensor):
        return value.read_part(None)
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def loaded(path):
    with path.open("rb") as file:
        return plain(read_tensors(file, path))


@pytest.fixture(params=[True, False], ids=["zip", "before torch 1.6"])
def save(request, tmp_path):
    def write(value):
        torch.save(value, tmp_path / "x.pt", _use_new_zipfile_serialization=request.param)
        return tmp_path / "x.pt"

    return write


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool]
)
def test_tensors_of_any_form_are_read(save, dtype):
    whole = torch.arange(24).reshape(2, 3, 4).to(dtype)
    tensors = {"whole": whole, "part": whole[1], "row": whole[1, 2], "turned": whole[0].T, "steps": whole[:, ::2, 1:3]}
    tensors |= {"none": whole[:, :0], "number": whole[1, 1, 1]}
    values = loaded(save(OrderedDict(tensors)))
    assert list(values) == list(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(values[name], tensor.numpy())
        assert values[name].dtype == tensor.numpy().dtype


def test_parts_are_read_alone(save):
    whole = torch.arange(24.0).reshape(2, 3, 4)
    path = save([whole, whole[:, 1:].transpose(0, 2)])
    with path.open("rb") as file:
        first, turned = read_tensors(file, path)
        np.testing.assert_array_equal(first.read_part(1), whole[1])
        np.testing.assert_array_equal(turned.read_part(3), whole[:, 1:].transpose(0, 2)[3])


def test_bfloat16_keeps_its_bytes(save):
    tensor = torch.tensor([1.5, -2.0, 3e38]).to(torch.bfloat16)
    values = loaded(save({"x": tensor}))["x"]
    assert values.dtype == np.dtype("V2")
    as_float = (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(as_float, tensor.float().numpy())


def test_parameters_numpy_arrays_and_plain_values_are_read(save):
    value = {"p": torch.nn.Parameter(torch.ones(2)), "n": np.arange(3.0), "ids": ["a", "b"], 3: None, "x": (1, 2.5)}
    path = save(value)
    with path.open("rb") as file:
        read = read_tensors(file, path)
        np.testing.assert_array_equal(read["n"].read(path), value["n"])
        np.testing.assert_array_equal(read["p"].read_part(None), [1, 1])
        assert (read["ids"], read[3], read["x"]) == (["a", "b"], None, (1, 2.5))


class Touches:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def test_nothing_runs(save, tmp_path):
    path = save({"x": torch.ones(2), "y": Touches(tmp_path / "sprung")})
    with pytest.raises(InputError, match=r"x\.pt.*not plain data; no code of it was run"):
        loaded(path)
    assert not (tmp_path / "sprung").exists()


def test_a_tensor_beyond_its_storage_is_refused(save):
    with pytest.raises(InputError, match=r"of shape \(1000000, 1000000\) beyond its storage"):
        loaded(save({"x": torch.ones(1).expand(10**6, 10**6)}))


@pytest.mark.parametrize("end", [0, 10, 100, 400, -100, -1])
def test_a_file_that_is_cut_is_refused(save, end):
    path = save({"x": torch.arange(100.0)})
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(InputError, match=r"x\.pt is not a whole"):
        loaded(path)


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), zipped=st.booleans())
def test_a_changed_byte_never_ends_in_another_error(tmp_path_factory, place, byte, zipped):
    path = tmp_path_factory.getbasetemp() / "changed.pt"
    torch.save({"x": torch.arange(100.0), "y": ["a"]}, path, _use_new_zipfile_serialization=zipped)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(data)
    try:
        loaded(path)
    except InputError:
        return


def unpickled(path):
    with path.open("rb") as file:
        return plain(read_pickled_tensors(file, path))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("size", [24, 2400], ids=["small", "large"])
def test_pickled_tensors_are_read(tmp_path, protocol, size):
    whole = torch.arange(float(size)).reshape(2, 3, -1)
    tensors = {"whole": whole, "turned": whole[0].T, "none": whole[:, :0], "p": torch.nn.Parameter(whole[1])}
    tensors |= {"long": whole.long(), "half": whole.half(), "bool": whole > 3}
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({**tensors, "n": np.arange(3.0), "ids": ["a"]}, protocol))
    values = unpickled(path)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(values[name], tensor.detach().numpy())
        assert values[name].dtype == tensor.detach().numpy().dtype
    assert values["ids"] == ["a"] and values["n"].shape == (3,)


def test_pickled_bfloat16_keeps_its_bytes(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps([torch.tensor([1.5, -2.0]).to(torch.bfloat16)]))
    with path.open("rb") as file:
        [tensor] = read_pickled_tensors(file, path)
        assert tensor.read_part(None).view(np.uint16).tolist() == [0x3FC0, 0xC000]


class Inner:
    """What loads a file inside the pickle, of another content than a storage."""

    def __init__(self, content):
        self.content = content

    def __reduce__(self):
        inner = io.BytesIO()
        torch.save(self.content, inner, _use_new_zipfile_serialization=False)
        return torch.storage._load_from_bytes, (inner.getvalue(),)


def test_nothing_inside_a_pickled_tensor_runs(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"x": Inner(Touches(tmp_path / "sprung"))}))
    with pytest.raises(InputError, match=r"x\.pkl holds '.*', which is not plain data; no code of it was run"):
        unpickled(path)
    assert not (tmp_path / "sprung").exists()
    for content in (["a"], Inner(torch.ones(2)), torch.ones(2)):
        path.write_bytes(pickle.dumps(Inner(content)))
        with pytest.raises(
            InputError, match=r"x\.pkl (is not a whole pickle|holds 'torch\.storage\._load_from_bytes')"
        ):
            unpickled(path)


@pytest.mark.slow
def test_many_files_inside_a_pickle_share_one_budget(tmp_path):
    _, (content,) = torch.ones(2)._typed_storage().__reduce__()
    whole = io.BytesIO(content)
    begin = [pickle.load(whole) for _ in range(3)]
    # what a reader passes over may be long: 20,000 lists in place of the version
    lists = pickle.dumps([[] for _ in range(20_000)], 2)
    inner = pickle.dumps(begin[0], 2) + lists + pickle.dumps(begin[2], 2) + whole.read()
    call = b"ctorch.storage\n_load_from_bytes\nq\0" + b"0B" + len(inner).to_bytes(4, "little") + inner + b"\x85q\1"
    path = tmp_path / "x.pkl"
    for count in (1, 1000):
        path.write_bytes(b"\x80\x03" + call + b"0(" + b"h\0h\1R" * count + b"t.")
        if count == 1:
            unpickled(path)
    with pytest.raises(InputError, match=r"x\.pkl is not a whole pickle .*far more memory than its size"):
        unpickled(path)


@pytest.mark.parametrize("end", [0, 10, 100, 600, -1000, -100, -1])
def test_a_pickle_of_tensors_that_is_cut_is_refused(tmp_path, end):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"x": torch.arange(1000.0)})[:end])
    with pytest.raises(InputError, match=r"x\.pkl is not a whole pickle"):
        unpickled(path)


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), size=st.sampled_from([3, 300]))
def test_a_changed_byte_of_a_pickle_of_tensors_never_ends_in_another_error(tmp_path_factory, place, byte, size):
    path = tmp_path_factory.getbasetemp() / "changed.pkl"
    data = bytearray(pickle.dumps({"x": torch.arange(float(size)), "y": ["a"]}))
    data[place % len(data)] = byte
    path.write_bytes(data)
    try:
        unpickled(path)
    except InputError:
        return
