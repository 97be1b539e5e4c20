"""Functions that run in several processes at once, joined as torchrun joins them, without torchrun or a network."""

import os
import pickle
import socket
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from processes import PATIENCE_S


def in_processes(count: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call `work(ranks, *arguments)` in `count` processes; return what each returned, or its exception."""
    context = get_context("spawn")
    port = free_port()
    pipes, processes = [], []
    for rank in range(count):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_begin, args=(rank, count, port, theirs, work, arguments), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    results = [_received(pipe) for pipe in pipes]
    for process in processes:
        process.join(PATIENCE_S)
    return results


def variables(rank: int, count: int, port: int) -> dict[str, str]:
    """Return the variables that torchrun sets for a process."""
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    return {"MASTER_ADDR": "127.0.0.1", **{name: str(value) for name, value in numbers.items()}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _received(pipe: Connection) -> Any:
    if not pipe.poll(PATIENCE_S):
        raise TimeoutError("a process hangs")
    try:
        result, trace = pickle.loads(pipe.recv_bytes())
    except EOFError:
        return None
    if trace:
        print(trace)
    return result


def _begin(
    rank: int, count: int, port: int, pipe: Connection, work: Callable[..., Any], arguments: Sequence[Any]
) -> None:
    os.environ.update(variables(rank, count, port))
    import torch

    from teachtext.learning.ranks import started

    torch.set_num_threads(1)
    try:
        with started() as ranks:
            result = work(ranks, *arguments)
        pipe.send_bytes(pickle.dumps((result, "")))
    except BaseException as error:
        pipe.send_bytes(pickle.dumps((error, traceback.format_exc())))
