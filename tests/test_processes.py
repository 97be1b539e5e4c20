import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import PATIENCE_S, needs_proc, wait_until

from teachtext.errors import InputError
from teachtext.processes import BoundedCalls, Lost, Workers
from teachtext.worker import Worker


def pool(count: int = 2) -> Workers[str, object]:
    return Workers(
        count, setup=eval, setup_arguments=("2 + 2",), work=eval, lost=lambda task, how: f"{how}: {task[-9:]}"
    )


def children() -> list[int]:
    """Process ids of the children of this process."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(number) for path in tasks for number in path.read_text().split()]


@pytest.mark.slow
def test_a_dead_process_costs_one_task_and_a_slow_one_holds_nothing_up():
    exits, killed = "__import__('os')._exit(3)", "__import__('os').abort()"
    tasks = ["__import__('time').sleep(4) or 'slow'", "1", exits, "2", "3", killed, "4"]
    with pool() as workers:
        assert list(workers.map(tasks)) == [1, "exit code 3: ._exit(3)", 2, 3, "SIGABRT: ).abort()", 4, "slow"]


@pytest.mark.slow
def test_a_task_that_takes_longer_than_it_may_costs_one_task():
    late = "__import__('teachtext.processes').processes.allow(0.3) or __import__('time').sleep(60)"
    # the limit of a task ends with the task, and is long enough for a machine that is busy
    in_time = "__import__('teachtext.processes').processes.allow(2.0)"
    with pool(1) as workers:
        assert list(workers.map([in_time, late, "__import__('time').sleep(3)"])) == [None, "SIGALRM: sleep(60)", None]


@pytest.mark.slow
def test_no_more_is_begun_than_there_are_processes(tmp_path: Path):
    tasks = (f"open({str(tmp_path / str(i))!r}, 'x').close() or {i}" for i in range(20))
    with pool(2) as workers:
        results = workers.map(tasks)
        assert next(results) in (0, 1)
        # both processes have begun a task, however slow they start; then there is time for a third that must not begin
        wait_until(lambda: len(list(tmp_path.iterdir())) >= 2, "the second process never began")
        time.sleep(1.0)
        assert len(list(tmp_path.iterdir())) == 2 and sum(1 for _ in tasks) == 18
        assert len(list(results)) == 1


def test_what_the_setup_returns_is_told_and_processes_serve_again():
    with pool(1) as workers:
        assert workers.begin() == 4
        first, second = (
            list(workers.map(["__import__('os').getpid()"])),
            list(workers.map(["__import__('os').getpid()"])),
        )
        assert first == second


@pytest.mark.slow
def test_workers_import_what_their_parent_can_and_end_with_it():
    code = """
import os, signal, time
from teachtext.processes import Workers
workers = Workers(1, setup=eval, setup_arguments=("1",), work=eval, lost=lambda task, how: how)
print(next(workers.map(["__import__('os').getpid()"])), flush=True)
next(workers.map(["__import__('time').sleep(60)"]))
"""
    # no main module, no guard, and a parent that is killed while its worker is at work
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), "a worker outlives its parent")


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_hands_over_a_result_costs_one_task():
    dies = "__import__('threading').Timer({}, __import__('os').abort).start() or bytes(80_000_000)"
    tasks = [part for delay in (0.01, 0.03, 0.06, 0.1) for part in (dies.format(delay), "1")]
    with pool(2) as workers:
        results = list(workers.map(tasks))
    assert results.count(1) == 4 and len(results) == 8
    assert all(result in (1, bytes(80_000_000)) or str(result).startswith("SIGABRT") for result in results)


def test_a_process_whose_parent_listens_no_more_ends_in_silence(capfd: pytest.CaptureFixture[str]):
    worker = Worker(eval, ("__import__('time').sleep(1)",), eval, None)
    worker.pipe.close()
    assert worker.end(patience_s=30.0) == "exit code 0"
    assert not capfd.readouterr().err


@needs_proc
def test_processes_that_will_be_needed_start_together():
    # those that an earlier test left
    before = set(children())
    with pool(2) as workers:
        # no more than the pool has
        assert workers.begin(5) == 4
        begun = set(children()) - before
        assert len(begun) == 2
        tasks = ["__import__('time').sleep(1) or __import__('os').getpid()"] * 2
        assert set(workers.map(tasks)) <= begun == set(children()) - before
    assert not set(children()) - before


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_starts_is_started_again(tmp_path: Path):
    marks = [tmp_path / f"{number}" for number in range(3)]

    def workers(kills: int) -> Workers[str, object]:
        code = f"""
import os
for mark in {[str(mark) for mark in marks[:kills]]!r}:
    if not os.path.exists(mark):
        open(mark, "x").close()
        os.abort()
"""
        return Workers(1, setup=exec, setup_arguments=(code,), work=eval, lost=lambda task, how: how)

    with workers(2) as again:
        assert list(again.map(["1", "2"])) == [1, 2]
    for mark in marks[:2]:
        mark.unlink()
    with workers(2) as begun:
        assert begun.begin() is None and list(begun.map(["1"])) == [1]
    for mark in marks[:2]:
        mark.unlink()
    with workers(3) as never, pytest.raises(InputError, match=r"cannot start \(SIGABRT\)"):
        list(never.map(["1"]))


def test_an_error_of_the_work_itself_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(pool(1).map(["1", "1 / 0"]))


def test_closing_stops():
    results = pool(1).map([str(i) for i in range(100)])
    assert next(results) == 0
    results.close()
    assert list(results) == []


def test_processes_that_cannot_start_are_an_error_with_a_mend():
    broken: Workers[str, object] = Workers(
        1, setup=exec, setup_arguments=("import os; os._exit(1)",), work=eval, lost=lambda task, how: None
    )
    with pytest.raises(InputError, match=r"worker processes cannot start \(exit code 1\).*use fewer workers"):
        list(broken.map(["1"]))


TAKES = "bytearray({} * 10**6).count(1)"


def hungry(count: int = 1, memory_mb: float = 300) -> Workers[str, object]:
    return Workers(
        count, setup=eval, setup_arguments=("2 + 2",), work=eval, lost=lambda task, how: f"{how}: {task}",
        memory_mb=memory_mb,
    )  # fmt: skip


@needs_proc
@pytest.mark.slow
def test_a_task_that_takes_more_memory_than_it_may_costs_one_task():
    with hungry() as workers:
        results = list(workers.map(["1", TAKES.format(50), TAKES.format(3000), "2"]))
    assert results == [1, 0, f"over memory: {TAKES.format(3000)}", 2]


@needs_proc
@pytest.mark.slow
def test_memory_that_earlier_tasks_left_behind_costs_no_task():
    keeps = "__import__('time').sleep(0.3) or globals().setdefault('kept', []).append(b'x' * 10**8) or len(kept)"
    with hungry() as workers:
        results = list(workers.map([keeps] * 9))
    # a fresh process is started where the memory of all tasks together would be too much
    assert results[:2] == [1, 2] and results.count(1) >= 2 and max(results) <= 4


@needs_proc
def test_reserved_address_space_is_no_memory():
    reserves = "len(__import__('mmap').mmap(-1, 4 * 10**9))"
    with hungry() as workers:
        assert list(workers.map([reserves])) == [4 * 10**9]


@pytest.mark.slow
@needs_proc
def test_calls_in_other_processes_are_bounded_and_shared_by_threads():
    with BoundedCalls[str, object](eval, seconds=PATIENCE_S, memory_mb=300, count=2) as call:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(call, map(str, range(20)))) == list(range(20))
        with pytest.raises(Lost, match="needs more than 300 MB"):
            call(TAKES.format(3000))
        with pytest.raises(Lost, match=r"ended the process that read it \(SIGABRT\)"):
            call("__import__('os').abort()")
    assert call("1") == 1
    call.close()


@pytest.mark.slow
def test_a_call_that_takes_too_long_is_lost_and_the_next_one_is_served():
    with BoundedCalls[str, object](eval, seconds=1, memory_mb=300) as call:
        with pytest.raises(Lost, match="takes longer than 1 s"):
            call("__import__('time').sleep(60)")
        assert call("1") == 1


def test_a_refusal_is_raised_and_the_process_stays():
    refuses = 'exec(\'from teachtext.errors import InputError; raise InputError("a", "b")\')'
    with BoundedCalls[str, object](eval, seconds=PATIENCE_S, memory_mb=300) as call:
        process = call("__import__('os').getpid()")
        with pytest.raises(InputError, match="a: b"):
            call(refuses)
        assert call("__import__('os').getpid()") == process
