"""The start and the end of the processes that torchrun starts, read from the variables that torchrun sets."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from torch import distributed as dist

from teachtext.errors import InputError
from teachtext.learning.ranks.agreement import Place
from teachtext.learning.ranks.group import ALONE, STEP, Ranks

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_MEND = "start them all with one torchrun command on each machine"


@contextmanager
def started() -> Iterator[Ranks]:
    """Yield the processes that torchrun has started, from its variables; `ALONE` without them, or for one process.

    At the end the processes wait for each other, unless one has failed.

    Raises:
        InputError: a variable of torchrun is missing or no number, or the processes cannot be joined.
        ProcessesEnded: a process has failed.
    """
    count = processes_started()
    if count == 1:
        yield ALONE
        return
    ranks = Ranks(Place(_number("RANK"), socket.gethostname(), _number("LOCAL_RANK")), count)
    if _number("LOCAL_WORLD_SIZE", count) == count:
        # no other machine: the names and networks of this one do not matter
        loopback = {name for _, name in socket.if_nameindex()} & {"lo", "lo0"}
        if loopback:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", min(loopback))
    try:
        dist.init_process_group("gloo", timeout=STEP)
        if dist.get_world_size() != count:
            raise InputError(f"torchrun has started {count} processes, and {dist.get_world_size()} were joined", _MEND)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"the {count} processes cannot be joined ({str(error).splitlines()[0]})", _MEND) from error
    try:
        with ranks.guarded():
            ranks.begin()
            yield ranks
            ranks.wait()
    finally:
        dist.destroy_process_group()


def processes_started() -> int:
    """Return how many processes torchrun has started, 1 without torchrun.

    Raises:
        InputError: a variable of torchrun is missing or no number.
    """
    if "WORLD_SIZE" not in os.environ or (count := _number("WORLD_SIZE")) <= 1:
        return 1
    missing = [name for name in _VARIABLES if name not in os.environ]
    if missing:
        raise InputError(f"WORLD_SIZE is {count}, and {missing[0]} is not set", _MEND)
    if not 0 <= _number("RANK") < count:
        raise InputError(f"RANK is {os.environ['RANK']}, and WORLD_SIZE is {count}", _MEND)
    return count


def _number(name: str, default: int = 0) -> int:
    value = os.environ.get(name, str(default))
    if not value.isdecimal():
        raise InputError(f"{name} is '{value}', and not a number", _MEND)
    return int(value)
