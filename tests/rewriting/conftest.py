"""Fixtures of the tests of writers."""

from collections.abc import Iterator

import pytest
from chat_server import ChatServer, chat_server

from teachtext.packages import installed
from teachtext.rewriting.wordnet import PACKAGE


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as state:
        yield state


@pytest.fixture
def wordnet() -> None:
    if installed(PACKAGE) is None:
        pytest.skip(f"{PACKAGE}, which has the data of WordNet, is not installed")
