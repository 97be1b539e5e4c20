"""How many processes a machine can run."""

from pathlib import Path

import pytest

from teachtext.machine import default_workers
from teachtext.processes import cores

MEMINFO = "MemTotal: 99000000 kB\nMemAvailable: {} kB\n"


@pytest.mark.parametrize(
    ("free_kb", "limits", "expected"),
    [
        (90_000_000, {}, 8),
        (90_000_000, {"cpu.max": "max 100000"}, 8),
        (90_000_000, {"cpu.max": "250000 100000"}, 2),
        (90_000_000, {"cpu.max": "10000 100000"}, 1),
        (5_000_000, {}, 3),
        (500_000, {}, 1),
        (90_000_000, {"memory.max": "max", "memory.current": "99"}, 8),
        (90_000_000, {"memory.max": "4000000000", "memory.current": "500000000"}, 2),
        (90_000_000, {"memory.max": "4000000000", "memory.current": "3900000000"}, 1),
        (
            90_000_000,
            {
                "memory.max": "4000000000",
                "memory.current": "3900000000",
                "memory.stat": "anon 1\ninactive_file 3000000000",
            },
            2,
        ),
    ],
)
def test_workers_fit_into_cores_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_kb: int, limits: dict[str, str], expected: int
):
    monkeypatch.setattr("teachtext.machine.cores", lambda: 12)
    (tmp_path / "meminfo").write_text(MEMINFO.format(free_kb))
    for name, text in limits.items():
        (tmp_path / name).write_text(text + "\n")
    assert default_workers(tmp_path, tmp_path / "meminfo") == expected


def test_a_machine_that_says_nothing_has_its_cores(tmp_path: Path):
    assert default_workers(tmp_path, tmp_path / "meminfo") == min(8, cores())
