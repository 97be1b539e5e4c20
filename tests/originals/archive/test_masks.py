import pickle
import pickletools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.originals.archive.captions import read_mask, write_mask

MASKS = st.dictionaries(st.text(max_size=12), st.lists(st.integers(0, 1), min_size=1, max_size=9), max_size=8)


@pytest.mark.slow
@settings(deadline=None)
@given(MASKS)
def test_a_mask_that_was_read_is_written_the_same(tmp_path_factory, masks):
    folder = tmp_path_factory.mktemp("mask")
    original, path = folder / "given.pkl", folder / "written.pkl"
    original.write_bytes(pickle.dumps({video: np.array(flags) for video, flags in masks.items()}, 2))
    mask = read_mask(original, masks)
    write_mask(path, kept=mask["kept"], dropped=mask["dropped"])
    assert read_mask(path, masks) == mask
    # what the authors' trainer does: plain unpickling, a vector a video
    again = pickle.loads(path.read_bytes())
    assert {video: flags.tolist() for video, flags in again.items()} == masks


def test_a_mask_is_read_by_the_numpy_of_the_authors(tmp_path):
    write_mask(tmp_path / "m.pkl", kept=["cnumpy._core.multiarray\n#1", "a#0"], dropped=["a#2"])
    data = (tmp_path / "m.pkl").read_bytes()
    modules = [argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "GLOBAL"]
    assert "numpy.core.multiarray _reconstruct" in modules and not any("_core" in module for module in modules)
    assert data[:2] == b"\x80\x02"
    assert read_mask(tmp_path / "m.pkl", {})["kept"] == ["a#0", "cnumpy._core.multiarray\n#1"]
    assert set(pickle.loads(data)) == {"a", "cnumpy._core.multiarray\n"}


def test_an_id_without_a_number_is_refused(tmp_path):
    with pytest.raises(InputError, match="caption 'a dog' has no number"):
        write_mask(tmp_path / "m.pkl", kept=["a dog"], dropped=[])
    assert not (tmp_path / "m.pkl").exists()
