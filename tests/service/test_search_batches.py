"""Searches of many clients at once: each has its own answer, whoever else asks, fails, leaves or waits."""

import asyncio
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from processes import PATIENCE_S, wait_until
from served import Made, start
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient

from teachtext.encoders.embedder import QueryVectors
from teachtext.errors import InputError, Unavailable
from teachtext.learning.trained_model import TrainedModel
from teachtext.search.answer import Answer
from teachtext.search.request import SearchRequest
from teachtext.search.searcher import Searcher
from teachtext.service import search_batches
from teachtext.service.search_batches import SearchBatches

TEXTS = [f"a {thing} {deed}" for thing in ("dog", "cat", "man") for deed in ("runs", "sleeps", "sings", "falls")]


FIRST = "a first one"


class HeldModel:
    """A real model that may wait before it embeds the first text, and notes the texts of each call."""

    def __init__(self, model: TrainedModel) -> None:
        self.identity, self.spaces, self.experts = model.identity, model.spaces, model.experts
        self.expert_settings, self.embed_videos, self.embed_query = {}, model.embed_videos, model.embed_query
        self._model = model
        self.asked: list[list[str]] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        assert FIRST not in texts or self.may_go.wait(PATIENCE_S)
        self.asked.append(list(texts))
        if "broken" in texts:
            raise RuntimeError("the encoder failed")
        return self._model.embed_queries(texts)


@pytest.fixture
def model(trained: TrainedModel) -> HeldModel:
    return HeldModel(trained)


@pytest.fixture
def searcher(reader_place: Path, model: HeldModel) -> Searcher:
    return Searcher(reader_place, model=model)


def finish(answer: Answer) -> bytes:
    return repr([(result.item.id, round(result.score, 5)) for result in answer.results]).encode()


def alone(searcher: Searcher, text: str) -> bytes:
    return finish(searcher.search(text, k=3))


async def ask(batches: SearchBatches, text: str) -> bytes:
    return await batches.answer(SearchRequest(text=text, k=3), finish)


async def held(batches: SearchBatches, model: HeldModel) -> asyncio.Task[bytes]:
    """Begin a search that does not end before the model may go."""
    model.may_go.clear()
    task = asyncio.create_task(ask(batches, FIRST))
    await asyncio.sleep(0)
    return task


def test_what_waits_is_searched_together_with_the_answers_of_single_searches(searcher: Searcher, model: HeldModel):
    expected = [alone(searcher, text) for text in TEXTS]
    model.asked.clear()

    async def all_at_once() -> list[bytes]:
        batches = SearchBatches(searcher, together=8)
        first = await held(batches, model)
        tasks = [asyncio.create_task(ask(batches, text)) for text in TEXTS]
        await asyncio.sleep(0)
        model.may_go.set()
        await first
        return await asyncio.gather(*tasks)

    assert asyncio.run(all_at_once()) == expected
    assert model.asked == [[FIRST], TEXTS[:8], TEXTS[8:]]


def test_a_search_begins_at_once_where_the_encoder_is_free(searcher: Searcher, model: HeldModel):
    async def one_after_another() -> None:
        batches = SearchBatches(searcher)
        for text in TEXTS[:3]:
            await ask(batches, text)

    asyncio.run(one_after_another())
    assert model.asked == [[text] for text in TEXTS[:3]]


def test_a_search_that_takes_long_holds_up_nobody(
    searcher: Searcher, model: HeldModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(search_batches, "_SLOW_S", 0.05)

    async def one_is_slow() -> tuple[list[bytes], bytes]:
        batches = SearchBatches(searcher, threads=2)
        slow = await held(batches, model)
        # some wait when the first becomes slow, others come later
        early = [asyncio.create_task(ask(batches, text)) for text in TEXTS[:2]]
        answered = [*await asyncio.gather(*early), await ask(batches, TEXTS[2])]
        assert not slow.done()
        model.may_go.set()
        return answered, await slow

    answered, slow = asyncio.run(one_is_slow())
    assert answered == [alone(searcher, text) for text in TEXTS[:3]] and slow == alone(searcher, FIRST)


class HeldAnswer:
    """Makes an answer once it may."""

    def __init__(self) -> None:
        self.has_begun, self.may_go = threading.Event(), threading.Event()

    def finish(self, answer: Answer) -> bytes:
        self.has_begun.set()
        assert self.may_go.wait(PATIENCE_S)
        return finish(answer)

    async def asked(self, batches: SearchBatches) -> asyncio.Task[bytes]:
        """Begin a search whose answer is being made."""
        task = asyncio.create_task(batches.answer(SearchRequest(text=FIRST, k=3), self.finish))
        await asyncio.to_thread(self.has_begun.wait)
        return task


def test_queries_are_embedded_while_answers_are_made(
    searcher: Searcher, model: HeldModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(search_batches, "_SLOW_S", PATIENCE_S)
    held_answer = HeldAnswer()

    async def embedded_meanwhile() -> list[bytes]:
        batches = SearchBatches(searcher)
        late = await held_answer.asked(batches)
        soon = asyncio.create_task(ask(batches, TEXTS[0]))
        await asyncio.to_thread(wait_until, lambda: model.asked == [[FIRST], [TEXTS[0]]], "the next query waits")
        assert not late.done()
        held_answer.may_go.set()
        return [await late, await soon]

    assert asyncio.run(embedded_meanwhile()) == [alone(searcher, FIRST), alone(searcher, TEXTS[0])]


def test_an_answer_that_takes_long_to_make_holds_up_nobody(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search_batches, "_SLOW_S", 0.05)
    held_answer = HeldAnswer()

    async def answered_meanwhile() -> list[bytes]:
        batches = SearchBatches(searcher)
        late = await held_answer.asked(batches)
        answers = [await ask(batches, text) for text in TEXTS[:3]]
        assert not late.done()
        held_answer.may_go.set()
        return [*answers, await late]

    assert asyncio.run(answered_meanwhile()) == [alone(searcher, text) for text in (*TEXTS[:3], FIRST)]


def test_an_error_is_of_its_search_alone(searcher: Searcher, model: HeldModel):
    async def some_fail() -> list[Any]:
        batches = SearchBatches(searcher)
        first = await held(batches, model)
        tasks = [asyncio.create_task(ask(batches, text)) for text in ("a dog", "", "broken", "a cat")]
        unwritable = asyncio.create_task(batches.answer(SearchRequest(text="a man"), lambda answer: b"" + answer))  # type: ignore[operator]
        await asyncio.sleep(0)
        model.may_go.set()
        return await asyncio.gather(*tasks, unwritable, first, return_exceptions=True)

    dog, empty, broken, cat, unwritable, first = asyncio.run(some_fail())
    assert (dog, cat, first) == tuple(alone(searcher, text) for text in ("a dog", "a cat", FIRST))
    assert isinstance(empty, InputError) and isinstance(broken, RuntimeError) and isinstance(unwritable, TypeError)


def test_a_search_that_nobody_waits_for_is_dropped(
    searcher: Searcher, model: HeldModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(search_batches, "_PATIENT_S", 0.0)

    async def gone() -> bool:
        return True

    async def some_leave() -> list[Any]:
        batches = SearchBatches(searcher)
        first = await held(batches, model)
        cancelled, stays = (asyncio.create_task(ask(batches, text)) for text in ("cancelled", "stays"))
        left = asyncio.create_task(batches.answer(SearchRequest(text="left"), finish, is_gone=gone))
        await asyncio.sleep(0)
        cancelled.cancel()
        model.may_go.set()
        return await asyncio.gather(first, cancelled, left, stays, return_exceptions=True)

    _, cancelled, left, stays = asyncio.run(some_leave())
    assert isinstance(cancelled, asyncio.CancelledError) and isinstance(left, ClientDisconnect)
    assert stays == alone(searcher, "stays")
    assert model.asked[:2] == [[FIRST], ["stays"]]


def test_no_more_searches_wait_than_may(searcher: Searcher, model: HeldModel):
    async def too_many() -> list[Any]:
        batches = SearchBatches(searcher, most_waiting=2)
        first = await held(batches, model)
        tasks = [asyncio.create_task(ask(batches, text)) for text in TEXTS[:3]]
        await asyncio.sleep(0)
        model.may_go.set()
        return await asyncio.gather(first, *tasks, return_exceptions=True)

    *answered, refused = asyncio.run(too_many())
    assert all(isinstance(answer, bytes) for answer in answered)
    assert isinstance(refused, Unavailable) and "too many searches" in str(refused)


def test_a_stop_finishes_what_has_begun_and_drops_what_waits(searcher: Searcher, model: HeldModel):
    async def stopped() -> list[Any]:
        batches = SearchBatches(searcher)
        first = await held(batches, model)
        waiting = asyncio.create_task(ask(batches, "a dog"))
        await asyncio.sleep(0)
        closing = asyncio.create_task(batches.close())
        await asyncio.sleep(0)
        assert not closing.done(), "a thread searches"
        model.may_go.set()
        await closing
        return await asyncio.gather(first, waiting, return_exceptions=True)

    first, waiting = asyncio.run(stopped())
    assert first == alone(searcher, FIRST) and isinstance(waiting, asyncio.CancelledError)
    assert model.asked[0] == [FIRST] and ["a dog"] not in model.asked


def plain(answer: Any) -> Any:
    """An answer without its duration, and scores to the digits that any company leaves."""
    answer.pop("seconds")
    for result in answer["results"]:
        for part in (result, *result["places"]):
            part["score"] = round(part["score"], 4)
            part["why"] = {name: round(share, 4) for name, share in part["why"].items()}
    return answer


def test_the_api_answers_many_clients_as_it_answers_a_lone_one(reader: TestClient):
    questions = [
        (path, {"text": text, "count": 4}) for path in ("/api/search", "/api/v1/search") for text in [*TEXTS[:6], " "]
    ]

    def get(question: tuple[str, dict[str, Any]]) -> tuple[int, Any]:
        response = reader.get(question[0], params=question[1])
        return response.status_code, plain(response.json()) if response.status_code == 200 else response.json()

    expected = [get(question) for question in questions]
    assert [status for status, _ in expected].count(422) == 2
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(get, questions)) == expected


@pytest.fixture
def service(made: Made) -> Iterator[tuple[Any, str]]:
    process, address = start(made.place, "--rate", "none", "--stop-seconds", "30")
    yield process, address
    process.kill()
    process.wait()


@pytest.mark.server
@pytest.mark.slow
def test_a_service_stops_while_searches_are_under_way(service: tuple[Any, str]):
    process, address = service
    answers: list[int] = []
    right = httpx2.get(f"{address}/api/search", params={"text": "a dog 0"}, trust_env=False).json()["results"]

    def client(number: int) -> None:
        with httpx2.Client(base_url=address, trust_env=False, timeout=PATIENCE_S) as http:
            for question in range(10_000):
                try:
                    answer = http.get("/api/search", params={"text": f"a dog {question * 16 + number}"})
                except httpx2.HTTPError:
                    # the service takes no more requests
                    return
                answers.append(answer.status_code)
                if question == number == 0:
                    assert [result["id"] for result in answer.json()["results"]] == [one["id"] for one in right]

    with ThreadPoolExecutor(16) as pool:
        clients = [pool.submit(client, number) for number in range(16)]
        wait_until(lambda: len(answers) >= 100, "the service does not answer")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 130
        for each in clients:
            each.result()
    assert len(answers) >= 100 and set(answers) == {200}


WATCH = """
import os, pathlib, threading, time, numpy, threadpoolctl
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.pop(name, None)
# in a thread that ends: another one may change the number only then
setting = threading.Thread(target=threadpoolctl.threadpool_limits, args=(2,))
setting.start()
setting.join()
def watch():
    while True:
        threads = {each["num_threads"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"}
        pathlib.Path(PLACE).write_text(str(threads))
        time.sleep(0.1)
threading.Thread(target=watch, daemon=True).start()
"""


@pytest.mark.server
@pytest.mark.slow
def test_the_service_computes_a_product_in_one_thread(made: Made, tmp_path: Path):
    place = tmp_path / "threads"
    process, _ = start(made.place, before=WATCH.replace("PLACE", repr(str(place))))
    try:
        wait_until(lambda: place.read_text() == "{1}", "products have several threads")
    finally:
        process.kill()
        process.wait()
