import pytest

from teachtext.encoders.workers import Workers
from teachtext.errors import InputError


def pool(count: int = 2) -> Workers[str, object]:
    return Workers(count, setup=exec, setup_arguments=("import math",), work=eval, dead=lambda task: f"dead: {task}")


def test_results_come_in_order_and_a_dead_process_costs_one_task():
    kill = "__import__('os')._exit(3)"
    tasks = ["__import__('time').sleep(0.3) or 'slow'", "1", kill, "2", "3", "4", kill, "5"]
    assert list(pool().map(tasks)) == ["slow", 1, f"dead: {kill}", 2, 3, 4, f"dead: {kill}", 5]


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
        1, setup=exec, setup_arguments=("import os; os._exit(1)",), work=eval, dead=lambda task: None
    )
    with pytest.raises(InputError, match=r"worker processes cannot start.*use workers=1"):
        list(broken.map(["1"]))
