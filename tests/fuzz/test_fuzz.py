"""Mutated files of every kind: each is read or refused with one sentence, in bounded time and memory.

`make test` takes some seconds for each reader, and always the same files. `make fuzz` begins with a new seed and takes
`FUZZ_SECONDS` for each reader. An input that fails is saved in `build/fuzz`; the same seed makes it again.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fuzz_files import BASES, mutants
from fuzz_readers import READERS, read_one
from processes import PATIENCE_S

from teachtext.processes import BoundedCalls

SEED = int(os.environ.get("FUZZ_SEED", "0"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))
# in the long run time decides; in `make test` the number of files does, so that a slow machine reads the same ones
LEAST = 20
MOST = 10**9 if "FUZZ_SECONDS" in os.environ else 150
FAILED = Path(os.environ.get("FUZZ_FAILED", "build/fuzz"))
# of one file: a machine with ten other jobs needs many times what an idle one does
LIMIT_S, LIMIT_MB = PATIENCE_S, 600.0
Read = Callable[[tuple[str, Path]], str]


def test_each_reader_has_whole_files():
    assert READERS.keys() == BASES.keys()


@pytest.fixture(scope="module")
def read() -> Iterator[Read]:
    """Read files in a process that imports once what all readers need."""
    with BoundedCalls[tuple[str, Path], str](read_one, seconds=LIMIT_S, memory_mb=LIMIT_MB) as calls:
        yield calls


@pytest.mark.slow
@pytest.mark.parametrize("kind", READERS)
def test_a_mutant_is_read_or_refused(kind: str, read: Read, tmp_path: Path):
    if kind == "video":
        pytest.importorskip("av")
        pytest.importorskip("cv2")
    bases = BASES[kind](tmp_path)
    outcomes: list[str] = []
    # the first call may start the process and import what the reader needs
    begun = None
    for number, (name, content) in enumerate(mutants(bases, SEED)):
        path = tmp_path / name
        path.write_bytes(content)
        try:
            outcomes.append(read((kind, path)))
        except Exception as error:
            saved = FAILED / f"{kind}-{SEED}-{number}-{name}"
            saved.parent.mkdir(parents=True, exist_ok=True)
            saved.write_bytes(content)
            reason = f"{type(error).__name__}: {error}"
            pytest.fail(f"{kind}, seed {SEED}, number {number}, saved as {saved.resolve()}: {reason}")
        if number < len(bases):
            assert kind in _MAY_REFUSE or outcomes[-1] == "read", f"{name}: {outcomes[-1]}"
        begun = begun or time.monotonic()
        if number >= MOST or (number >= LEAST and time.monotonic() - begun > SECONDS):
            break
    refused = [outcome for outcome in outcomes if outcome != "read"]
    assert refused, "mutants that are all harmless test nothing"


# their whole files are of several formats, and not each of them is one that the last reader reads
_MAY_REFUSE = {"pickled", "teacher", "config", "captions", "scores"}
