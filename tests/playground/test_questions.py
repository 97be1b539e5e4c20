import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations, groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.data.folder import load_folder
from teachtext.playground import build_playground
from teachtext.playground.languages import english_words as words
from teachtext.playground.questions import KINDS_OF_QUESTIONS, DrawnQuestion, ask
from teachtext.playground.scenes import audible
from teachtext.playground.sound import soundtrack

# what the scenes of a group may differ in
VARIES = {"speech": "speech", "sign": "sign", "sound": "only_sound", "direction": "action"}


def groups(questions: Sequence[DrawnQuestion]) -> list[list[DrawnQuestion]]:
    return [list(group) for _, group in groupby(questions, key=lambda question: question.among)]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_group_differs_in_one_thing_and_its_captions_tell_that_thing(seed: int) -> None:
    questions = ask(2, seed)
    assert [question.kind for question in questions] == [kind for kind in KINDS_OF_QUESTIONS for _ in range(8)]
    for group in groups(questions):
        kind = group[0].kind
        facts = [asdict(question.scene) for question in group]
        assert [scene["video"] for scene in facts] == list(group[0].among)
        differ = {name for name in facts[0] if len({str(scene[name]) for scene in facts}) > 1}
        assert differ == {"video", VARIES[kind]}
        assert len({scene[VARIES[kind]] for scene in facts}) == 4
        assert all(question.scene.split == "questions" for question in group)
        assert len({question.text for question in group}) == 4


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_captions_use_the_wordings_of_train_and_tell_no_more_than_is_asked(seed: int) -> None:
    for question in ask(2, seed):
        text, scene = question.text.lower(), question.scene
        quoted = re.findall(r'"(.*?)"', text)
        if question.kind == "speech":
            assert quoted == [scene.speech]
        elif question.kind == "sign":
            assert quoted == [str(scene.sign).lower()]
        else:
            assert not quoted
        if question.kind == "sound":
            assert any(wording in text for wording in words.SOUNDS[str(scene.only_sound)].common)
        if question.kind == "direction":
            forms = [words.inflect(each, form) for each in words.DEEDS[scene.action].common for form in ("s", "ing")]
            assert any(form in text for form in forms)
        outside = re.sub(r'".*?"', "", text)
        if question.kind != "sound":
            assert not re.search(rf"\b({scene.main.kind}|{scene.main.colour})\b", outside), text
        assert text[-1] in '."' or re.search(r"[a-z]$", text)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_nothing_but_the_sense_asked_can_tell(seed: int) -> None:
    for question in ask(1, seed):
        scene = question.scene
        if question.kind == "speech":
            assert {scene.main.kind, scene.main.colour}.isdisjoint(str(scene.speech).split())
        if question.kind == "sound":
            assert scene.sound == "sounds" and scene.speech is None
            expected = audible(type(scene)(**{**vars(scene), "only_sound": None}))
            assert scene.only_sound not in expected and expected
            assert audible(scene) == (scene.only_sound,)
        if question.kind == "direction":
            assert scene.sound == "none" and scene.other is None and scene.then is None


def test_more_groups_leave_the_first_ones_as_they_are() -> None:
    few, many = ask(1, 4), ask(3, 4)
    assert set(few) <= set(many)
    assert len({question.scene.video for question in many}) == len(many) == 3 * 16
    assert ask(3, 5) != many
    assert ask(0, 4) == []


def test_sounds_of_a_group_sound_otherwise() -> None:
    for group in [group for group in groups(ask(3, 1)) if group[0].kind == "sound"]:
        spectra = []
        for question in group:
            track = soundtrack(question.scene)
            assert track is not None and np.abs(track).max() > 1000
            spectrum = np.abs(np.fft.rfft(track.astype(np.float64)))[:8000].reshape(80, -1).mean(axis=1)
            spectra.append(spectrum / np.linalg.norm(spectrum))
        assert max(float(first @ second) for first, second in combinations(spectra, 2)) < 0.97


def test_left_and_right_show_the_same_places_in_reverse() -> None:
    pytest.importorskip("cv2")
    from teachtext.playground.draw import frames

    for group in [group for group in groups(ask(2, 0)) if group[0].kind == "direction"]:
        mean = [np.mean([image.astype(np.float32) for image in frames(question.scene)], axis=0) for question in group]
        left, right, up, _ = mean
        assert np.abs(left - right).mean() < 0.1 * np.abs(left - up).mean()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    folder = tmp_path_factory.mktemp("asked") / "set"
    build_playground(folder, videos=12, captions_per_video=2, seed=5, questions=1, workers=1)
    return folder


@pytest.mark.slow
def test_the_folder_asks_and_leaves_the_rest_as_it_is(built: Path, tmp_path: Path) -> None:
    dataset = load_folder(built)
    questions = ask(1, 5)
    assert [(each.caption.text, each.kind, tuple(each.among)) for each in dataset.questions] == [
        (each.text, each.kind, each.among) for each in questions
    ]
    assert list(dataset.splits["questions"]) == [each.scene.video for each in questions]
    record = json.loads((built / "playground.json").read_text())
    assert record["settings"]["questions"] == 1
    assert len(record["scenes"]) == 12 + 16
    build_playground(tmp_path, videos=12, captions_per_video=2, seed=5, workers=1)
    plain = json.loads((tmp_path / "playground.json").read_text())
    assert "questions" not in plain["settings"] and "only_sound" not in json.dumps(plain)
    assert {name: record["scenes"][name] for name in plain["scenes"]} == plain["scenes"]
    assert not (tmp_path / "questions.json").exists()
    for path in (tmp_path / "videos").iterdir():
        assert (built / "videos" / path.name).read_bytes() == path.read_bytes()
    assert (built / "captions.jsonl").read_text().startswith((tmp_path / "captions.jsonl").read_text())


@pytest.mark.slow
def test_pictures_are_the_same_where_only_the_sound_is_asked_for(built: Path) -> None:
    import av

    def pictures(video: str) -> bytes:
        with av.open(str(built / "videos" / f"{video}.mp4")) as file:
            return b"".join(bytes(packet) for packet in file.demux(video=0))

    for group in groups(ask(1, 5)):
        different = len({pictures(video) for video in group[0].among})
        assert different == (1 if group[0].kind in ("speech", "sound") else 4)


@pytest.mark.parametrize("questions", [-1, 100])
def test_a_number_of_groups_that_cannot_be_is_refused(tmp_path: Path, questions: int) -> None:
    from teachtext.errors import InputError

    with pytest.raises(InputError, match=f"questions={questions} is out of range"):
        build_playground(tmp_path / "set", questions=questions)
    assert not (tmp_path / "set").exists()
