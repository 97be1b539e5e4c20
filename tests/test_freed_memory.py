"""Memory that is freed is there for the next tensor, and belongs to nobody afterwards."""

import platform
from pathlib import Path

import pytest
import torch

from teachtext.freed_memory import kept_for_tensors

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not that of GNU")
SIZE = 2**28


def resident() -> int:
    """Bytes of this process in memory."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


def fill_and_free() -> None:
    assert torch.ones(SIZE // 4).sum() == SIZE / 4


@pytest.mark.parametrize("fails", [False, True])
def test_freed_memory_stays_inside_and_is_given_back_at_the_end(fails):
    before = resident()
    fill_and_free()
    assert resident() < before + SIZE / 4
    try:
        with kept_for_tensors():
            fill_and_free()
            assert resident() > before + SIZE / 2
            fill_and_free()
            assert resident() < before + 3 * SIZE / 2, "the second tensor has the memory of the first"
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert resident() < before + SIZE / 4
    fill_and_free()
    assert resident() < before + SIZE / 4
