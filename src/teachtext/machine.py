"""How much memory a machine has left, and how many processes it can run beside each other."""

from pathlib import Path

from teachtext.processes import cores

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
# what a process with the experts of an index takes, with room for a large picture
_WORKER_BYTES = 1_500_000_000
# more of them wait for the disk, or for the memory of a GPU
_MOST = 8


def default_workers(cgroup: Path = _CGROUP, meminfo: Path = _MEMINFO) -> int:
    """Return how many processes extract where nobody says so: one a core, but one for 1.5 GB of free memory, at most 8.

    Cores and memory are those that this process may use, also in a container with limits (cgroups of version 2).

    Args:
        cgroup: folder of the limits.
        meminfo: what the kernel says of memory.

    >>> 1 <= default_workers() <= 8
    True
    """
    count = cores()
    quota = _words(cgroup / "cpu.max")
    if len(quota) == 2 and quota[0].isdigit():
        count = min(count, max(1, round(int(quota[0]) / int(quota[1]))))
    memory = free_memory(cgroup, meminfo)
    return max(1, min(count, _MOST if memory is None else memory // _WORKER_BYTES, _MOST))


def free_memory(cgroup: Path = _CGROUP, meminfo: Path = _MEMINFO) -> int | None:
    """Return the bytes of memory that this process may still use; None where the system does not say.

    Args:
        cgroup: folder of the limits.
        meminfo: what the kernel says of memory.
    """
    limits = [limit for limit in (_free(meminfo), _rest(cgroup)) if limit is not None]
    return min(limits, default=None)


def _free(meminfo: Path) -> int | None:
    words = _words(meminfo)
    return int(words[words.index("MemAvailable:") + 1]) * 1024 if "MemAvailable:" in words else None


def _rest(cgroup: Path) -> int | None:
    """Return the memory that a container has left; None without a limit."""
    limit, used = _words(cgroup / "memory.max"), _words(cgroup / "memory.current")
    if not (limit and limit[0].isdigit() and used):
        return None
    # the page cache counts as used, and is given back when it is needed
    facts = _words(cgroup / "memory.stat")
    cached = int(facts[facts.index("inactive_file") + 1]) if "inactive_file" in facts else 0
    return max(0, int(limit[0]) - int(used[0]) + cached)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
