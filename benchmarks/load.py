"""Load on `teachtext serve`: many clients at once on loopback; errors, answers a second, p50 and p99, time, memory.

    teachtext serve --index PLACE --rate none &
    python benchmarks/load.py --pid $! --minutes 5 [--distinct] [--pace 100] [--output FILE.json]

Each client asks one question after another, of which some repeat; with `--distinct` no question was asked before. With
`--pace` all clients together ask so many questions a second, and what a question waits because an earlier one is late
counts. The clients share the machine with the server, so they do little more than the sockets need. CPU time and memory
are those of the server.
"""

import argparse
import asyncio
import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np

_THINGS = ("dog", "cat", "red ball", "car", "man with a hat", "bird", "two children", "guitar")
_DEEDS = ("runs", "sleeps", "falls", "is far away", "jumps over a wall", "turns to the left")


def questions(number: int, clients: int, *, distinct: bool) -> Iterator[str]:
    """Yield the questions of a client without end."""
    texts = [f"a {thing} {deed}" for thing in _THINGS for deed in _DEEDS]
    for place in itertools.count(number, clients if distinct else 1):
        text = texts[place % len(texts)]
        yield f"{text} {place}" if distinct else text


class Client:
    """A client with one connection, which is kept.

    Args:
        url: of the service.
    """

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        self._host, self._port = at.hostname or "127.0.0.1", at.port or 80
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, text: str) -> int:
        """Return the status of an answer, whose whole body was read."""
        self._stream = self._stream or await asyncio.open_connection(self._host, self._port)
        reader, writer = self._stream
        query = urlencode({"text": text, "count": 20})
        writer.write(f"GET /api/search?{query} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n\r\n".encode())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(head.partition("\r\ncontent-length:")[2].partition("\r\n")[0]))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            self._stream = None
            raise
        return int(head.split(" ", 2)[1])


async def ask_until(
    end: float, client: Client, texts: Iterator[str], starts: Iterator[float | None], errors: Counter[str]
) -> list[float]:
    """Ask one question after another; return the seconds of each answer.

    Args:
        end: when the last question may begin, by `time.perf_counter`.
        client: asks.
        texts: the questions.
        starts: when each question is due; None where it begins at once.
        errors: counts answers that are no answers.
    """
    seconds: list[float] = []
    for text, start in zip(texts, starts, strict=False):
        if start is not None:
            await asyncio.sleep(max(0.0, start - time.perf_counter()))
        begun = time.perf_counter() if start is None else start
        if begun >= end:
            break
        try:
            status = await client.ask(text)
        except (OSError, asyncio.IncompleteReadError) as error:
            errors[type(error).__name__] += 1
            continue
        if status == 200:
            seconds.append(time.perf_counter() - begun)
        else:
            errors[f"status {status}"] += 1
    return seconds


async def memory(pid: int, end: float) -> list[float]:
    """Return the server's memory each second, in MiB."""
    mib: list[float] = []
    while True:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        mib.append(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")))
        if time.perf_counter() >= end:
            return mib
        await asyncio.sleep(1)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def measure(asked: argparse.Namespace) -> tuple[dict[str, float], Counter[str]]:
    """Return what is measured, and the errors."""
    errors: Counter[str] = Counter()
    begun, cpu = time.perf_counter(), cpu_seconds(asked.pid)
    end = begun + 60 * asked.minutes
    each_s = asked.clients / asked.pace if asked.pace else 0.0
    mib, *by_client = await asyncio.gather(
        memory(asked.pid, end),
        *(
            ask_until(
                end,
                Client(asked.url),
                questions(number, asked.clients, distinct=asked.distinct),
                itertools.count(begun + number / asked.pace, each_s) if asked.pace else itertools.repeat(None),
                errors,
            )
            for number in range(asked.clients)
        ),
    )
    took = time.perf_counter() - begun
    seconds = list(itertools.chain.from_iterable(by_client))
    if not seconds:
        raise SystemExit(f"nothing was answered: {dict(errors)}")
    p50, p99 = (float(value) for value in 1000 * np.percentile(seconds, [50, 99]))
    return {
        "clients": asked.clients,
        "minutes": round(took / 60, 2),
        "answered": len(seconds),
        "errors": sum(errors.values()),
        "a second": round(len(seconds) / took, 1),
        "p50 ms": round(p50),
        "p99 ms": round(p99),
        "CPU ms an answer": round(1000 * (cpu_seconds(asked.pid) - cpu) / len(seconds), 2),
        "MiB at start": round(mib[0]),
        "middle": round(mib[len(mib) // 2]),
        "end": round(mib[-1]),
    }, errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--pid", type=int, required=True, help="process of the server")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--distinct", action="store_true", help="ask no question twice")
    parser.add_argument("--pace", type=float, default=0.0, help="questions a second of all clients; 0: without pause")
    parser.add_argument("--output", type=Path, help="also write the figures here, as JSON")
    asked = parser.parse_args()
    measured, errors = asyncio.run(measure(asked))
    print("| " + " | ".join(measured) + " |\n" + "|---" * len(measured) + "|")
    print("| " + " | ".join(f"{value:,}" for value in measured.values()) + " |")
    if asked.output:
        asked.output.write_text(
            json.dumps({"distinct": asked.distinct, "pace": asked.pace, **measured}, indent=2) + "\n"
        )
    if errors:
        raise SystemExit(f"errors: {dict(errors)}")


if __name__ == "__main__":
    main()
