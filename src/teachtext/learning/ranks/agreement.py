"""What the processes of a training must have in common, as plain functions of their reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from teachtext.errors import InputError


class SharedError(InputError):
    """An error that every process raises at the same moment, so that all of them can go on together."""


@dataclass(frozen=True)
class Place:
    """Where a process runs.

    Attributes:
        rank: its number, from 0.
        host: the name of its machine.
        local_rank: its number on that machine, from 0.
    """

    rank: int
    host: str
    local_rank: int

    def __str__(self) -> str:
        return f"process {self.rank} on {self.host}"


def check_same(facts: Sequence[Mapping[str, str]], places: Sequence[Place]) -> None:
    """Check that all processes see the same.

    Args:
        facts: of each process, values by name; a value may be a checksum.
        places: of each process.

    Raises:
        SharedError: a value differs; names the first one.

    >>> here, there = Place(0, "a", 0), Place(1, "b", 0)
    >>> check_same([{"weights": "1f"}, {"weights": "2e"}], [here, there])
    Traceback (most recent call last):
    teachtext.learning.ranks.agreement.SharedError: process 1 on b has other weights than process 0 on a: ...
    """
    for place, seen in zip(places, facts, strict=True):
        for name in dict.fromkeys([*facts[0], *seen]):
            if seen.get(name) != facts[0].get(name):
                raise SharedError(
                    f"{place} has other {name} than {places[0]}",
                    "let all machines see the same files and versions, under the same paths",
                )


def common_device(devices: Sequence[str], places: Sequence[Place]) -> str:
    """Return the kind of device that all processes have, `cuda` or `cpu`.

    Args:
        devices: of each process, as torch writes it.
        places: of each process.

    Raises:
        SharedError: some processes have a GPU and others have none.

    >>> common_device(["cuda:0", "cuda:1"], [Place(0, "a", 0), Place(1, "a", 1)])
    'cuda'
    """
    kinds = [device.partition(":")[0] for device in devices]
    for kind, place in zip(kinds, places, strict=True):
        if kind != kinds[0]:
            without, with_gpu = (place, places[0]) if kind == "cpu" else (places[0], place)
            raise SharedError(
                f"{without} has no GPU, and {with_gpu} has one",
                "start as many processes on a machine as the machine has GPUs, or set 'device: cpu'",
            )
    return kinds[0]


def check_enough(rows: int, count: int) -> None:
    """Check that every process has a video of a whole batch.

    Args:
        rows: videos of a whole batch, or of the training split where that has fewer.
        count: number of processes.

    Raises:
        InputError: there are more processes than videos.

    >>> check_enough(32, 8)
    """
    if rows < count:
        raise InputError(
            f"a batch has {rows} videos, and there are {count} processes",
            "start fewer processes, or give more training videos and a larger 'batch_size'",
        )
