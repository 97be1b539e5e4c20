"""One writer at a time to a collection of Milvus.

The server has no locks, but makes a collection only once. The process that makes the collection `<collection>_writer`
is the writer until it drops that collection, whose description names the process. If a writer on this machine was
killed, the next one drops the collection.
"""

import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pymilvus import DataType, MilvusClient, MilvusException

from teachtext.errors import Busy

_TIMEOUT_S = 30.0
_POLL_S = 0.5


@contextmanager
def writer_lock(
    client: MilvusClient,
    name: str,
    place: str,
    one_sentence: Callable[[], AbstractContextManager[None]],
    *,
    wait_s: float = 0.0,
) -> Iterator[None]:
    """Be the one writer of a collection within the context.

    Args:
        client: client of the server.
        name: name of the collection.
        place: URL of the collection, for messages.
        one_sentence: turns errors of the client into an InputError.
        wait_s: seconds to wait for another writer.

    Raises:
        Busy: another process is the writer.
    """
    lock = f"{name}_writer"
    me = {"host": socket.gethostname(), "pid": os.getpid(), "id": uuid.uuid4().hex}
    last = time.monotonic() + wait_s
    with one_sentence():
        while (holder := _take_over(client, lock, me)) is not None and time.monotonic() < last:
            time.sleep(_POLL_S)
    if holder is not None:
        raise Busy(
            f"process {holder.get('pid')} on {holder.get('host')} is writing to {place}",
            f"wait until it ends; if it was killed, drop the collection '{lock}'",
        )
    try:
        yield
    finally:
        with one_sentence():
            client.drop_collection(lock, timeout=_TIMEOUT_S)


def _take_over(client: MilvusClient, lock: str, me: dict[str, Any]) -> dict[str, Any] | None:
    """Try to be the writer, also in the place of one that was killed; return the writer, or None if it is this one."""
    holder = _take(client, lock, me)
    if holder is not None and _has_ended(holder) and _holder(client, lock) == holder:
        client.drop_collection(lock, timeout=_TIMEOUT_S)
        holder = _take(client, lock, me)
    return holder


def _take(client: MilvusClient, lock: str, me: dict[str, Any]) -> dict[str, Any] | None:
    """Try to make the collection; return the process that has made it, or None if it is this one."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False, description=json.dumps(me))
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    try:
        client.create_collection(lock, schema=schema, timeout=_TIMEOUT_S)
    except MilvusException:
        if not client.has_collection(lock, timeout=_TIMEOUT_S):
            raise
    holder = _holder(client, lock)
    return None if holder == me else holder


def _holder(client: MilvusClient, lock: str) -> dict[str, Any]:
    try:
        holder = json.loads(client.describe_collection(lock, timeout=_TIMEOUT_S)["description"])
    except (ValueError, MilvusException):
        return {}
    return holder if isinstance(holder, dict) else {}


def _has_ended(holder: dict[str, Any]) -> bool:
    if holder.get("host") != socket.gethostname():
        return False
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, KeyError, ValueError, OverflowError):
        return False
    return False
