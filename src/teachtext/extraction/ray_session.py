"""Ray for the life of a process: an existing cluster (`RAY_ADDRESS`), or a local Ray on this machine."""

import logging
import os
import secrets
import socket
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.packages import load

# no usage reports, no lines of Ray's own on the terminal
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
_PATIENCE_S = 10.0
_OBJECT_STORE_BYTES = 80 * 2**20


def start(workers: int, folder: Path) -> int:
    """Start or reach Ray; return how many actors of one CPU there may be.

    For a process that does nothing else: its environment, stderr and the settings of Ray Data change for good.

    Args:
        workers: actors wanted.
        folder: for the files of a local Ray; its path must be short.

    Raises:
        InputError: Ray is not installed, cannot be started or reached, or has too few CPUs.
    """
    address = os.environ.get("RAY_ADDRESS")
    # set before Ray is imported, because its threads read the environment at any time
    os.environ.update(_QUIET | ({} if address else _alone()))
    _mute()
    context = load("ray.data:DataContext", "ray").get_current()
    import ray

    local = {} if address else _local_settings(workers, folder)
    try:
        _knock(address)
        ray.init(address=address or "local", logging_level=logging.ERROR, log_to_driver=False, **local)
    except Exception as error:
        problem = f"Ray cannot be {'reached at ' + address if address else 'started'} ({error})"
        raise InputError(" ".join(problem.split()), "check RAY_ADDRESS, or use the local engine") from error
    # this package prints progress and errors itself
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if cpus < 2:
        # the pipeline's own tasks need one, and would wait for it forever
        raise InputError(f"the Ray cluster has {cpus} CPU", "give it two at least: one must stay free")
    return min(workers, cpus - 1)


def _knock(address: str | None) -> None:
    """Raise OSError if nothing answers at an address: Ray itself would wait for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S).close()


def _alone() -> dict[str, str]:
    """Return the environment that keeps a local Ray on this machine, and other users out of it."""
    return {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN", secrets.token_hex(32)),
    }


def _local_settings(workers: int, folder: Path) -> dict[str, Any]:
    # a number for Ray's schedule, not the cores of the machine
    return {
        "num_cpus": workers + 1,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_temp_dir": str(folder),
    }


def _mute() -> None:
    """Drop the lines that Ray's own code writes to stderr."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
