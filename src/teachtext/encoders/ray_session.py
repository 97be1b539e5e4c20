"""Ray, for the time of one extraction: a cluster that is there (`RAY_ADDRESS`), or a Ray of our own on this machine."""

import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from teachtext.encoders.registry import load
from teachtext.encoders.workers import import_path
from teachtext.errors import InputError
from teachtext.files import is_alive

# no usage reports, no lines of Ray's own on the terminal
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
# Ray remembers it for as long as a process lives
_TOKEN = secrets.token_hex(32)
_PATIENCE_S = 10.0
_OBJECT_STORE_BYTES = 80 * 2**20
_PREFIX = "teachtext-"


@contextmanager
def ray_session(workers: int) -> Iterator[int]:
    """Start or reach Ray, and leave it; yield how many actors of one CPU there may be.

    Raises:
        InputError: Ray is not installed, cannot be started or reached, or has too few CPUs.
    """
    address = os.environ.get("RAY_ADDRESS")
    with ExitStack() as stack:
        stack.enter_context(_environment(_QUIET | ({} if address else _alone())))
        data_context = load("ray.data:DataContext", "ray").get_current()
        import ray

        if not ray.is_initialized():
            own = {} if address else _own(workers, stack.enter_context(_folder()))
            try:
                _knock(address)
                with _muted():
                    ray.init(address=address or "local", logging_level=logging.ERROR, log_to_driver=False, **own)
            except Exception as error:
                told = f"Ray cannot be {'reached at ' + address if address else 'started'} ({error})"
                raise InputError(" ".join(told.split()), "check RAY_ADDRESS, or use the local engine") from error
            stack.callback(ray.shutdown)
        stack.enter_context(_silence(data_context))
        cpus = int(ray.cluster_resources().get("CPU", 0))
        if cpus < 2:
            # the pipeline's own tasks need one, and would wait for it forever
            raise InputError(f"the Ray cluster has {cpus} CPU", "give it two at least: one must stay free")
        yield min(workers, cpus - 1)


@contextmanager
def _folder() -> Iterator[str]:
    """Make a folder for Ray, whose path must be short, and remove those of processes that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield folder


def _knock(address: str | None) -> None:
    """Raise OSError if nobody is at an address: Ray itself would wait for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S).close()


def _alone() -> dict[str, str]:
    """Return what keeps a Ray of our own on this machine (unless Ray was imported before), and others out of it."""
    return {
        "PYTHONPATH": import_path(),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN", _TOKEN),
    }


def _own(workers: int, folder: str) -> dict[str, Any]:
    # CPUs are a number that Ray reckons with, not what the machine has
    return {
        "num_cpus": workers + 1,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_temp_dir": folder,
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _muted() -> Iterator[None]:
    """Drop what Ray's own code writes to stderr while it starts, one line on how loud it will be."""
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


@contextmanager
def _silence(context: Any) -> Iterator[None]:
    """Keep Ray Data's progress and stack traces off the terminal: there are sentences of our own."""
    logger = logging.getLogger("ray.data")
    before = context.enable_progress_bars, logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        context.enable_progress_bars = before[0]
        logger.setLevel(before[1])
