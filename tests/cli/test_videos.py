"""`teachtext list`, `info`, `like`, `tag` and `remove`."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clips import LONG, ODD_NAMES

from teachtext.files import content_hash
from teachtext.search.stores import open_store

pytestmark = pytest.mark.slow

Command = Callable[..., Any]
COMMAND = str(Path(sys.executable).parent / "teachtext")
IDS = [f"clips/{name}" for name in ODD_NAMES]


@pytest.fixture
def index(odd_index: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(odd_index, tmp_path / "copy"))


def tags_of(place: Path) -> dict[str, list[str]]:
    return {item.id: list(item.tags) for item in open_store(str(place)).catalog()}


def test_a_list_has_length_day_and_tags(teachtext_here: Command, odd_index: Path):
    lines = teachtext_here("list", "--index", odd_index).stdout.splitlines()
    assert lines[0].split() == ["video", "length", "added", "tags"] and lines[-1] == "3 of 3 videos"
    assert [line.split()[-1] for line in lines[1:4]] == ["toy"] * 3
    assert lines[1].startswith("clips/plain.mp4") and LONG in lines[3] and "two\\nlines" in lines[2]


def test_a_list_as_json_and_as_paths_under_a_condition(teachtext_here: Command, odd_clips: Path, odd_index: Path):
    listed = json.loads(teachtext_here("list", "--index", odd_index, "--json").stdout)
    assert [video["id"] for video in listed] == sorted(IDS) and all(video["there"] for video in listed)
    assert {video["size"] for video in listed} == {(odd_clips / name).stat().st_size for name in ODD_NAMES}
    one = teachtext_here("list", "--index", odd_index, "--where", f"id={IDS[0]}", "--json")
    assert [video["id"] for video in json.loads(one.stdout)] == IDS[:1]
    spoken = teachtext_here("list", "--index", odd_index, "--where", "speech=yes")
    assert spoken.stdout == "0 of 3 videos\n"
    printed = subprocess.run([COMMAND, "list", "--index", odd_index, "-0"], capture_output=True, check=True).stdout
    assert [*map(os.fsdecode, printed.split(b"\0"))] == [
        *(str(odd_clips.resolve() / name) for name in sorted(ODD_NAMES)),
        "",
    ]


def test_info_of_an_index(teachtext_here: Command, odd_clips: Path, odd_index: Path):
    facts = json.loads(teachtext_here("info", "--index", odd_index, "--json").stdout)
    assert facts["videos"] == 3 and facts["experts"] == ["motion"] and facts["tags"] == {"toy": 3}
    assert facts["folders"] == [{"name": "clips", "path": str(odd_clips.resolve()), "there": True, "videos": 3}]
    assert facts["model"] == "model" and facts["bytes"] > 0 and facts["hub_correction"] is None
    said = teachtext_here("info", "--index", odd_index).stdout
    assert "motion" in said and "3 videos" in said and "not corrected" in said


def test_info_of_a_video_by_its_id_and_by_its_path(teachtext_here: Command, odd_clips: Path, odd_index: Path):
    for video, cwd in ((IDS[2], None), (odd_clips / ODD_NAMES[2], None), (ODD_NAMES[2], odd_clips)):
        facts = json.loads(teachtext_here("info", video, "--index", odd_index, "--json", cwd=cwd).stdout)
        assert facts["id"] == IDS[2] and facts["spaces"] == ["motion"] and facts["tags"] == ["toy"]
    assert "0:00" in teachtext_here("info", IDS[0], "--index", odd_index).stdout


def test_a_path_through_a_link_is_followed(teachtext_here: Command, odd_clips: Path, odd_index: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(odd_clips, target_is_directory=True)
    said = teachtext_here("info", tmp_path / "link" / ODD_NAMES[0], "--index", odd_index, "--json")
    assert json.loads(said.stdout)["id"] == IDS[0]


def test_like_finds_the_other_videos(teachtext_here: Command, odd_clips: Path, odd_index: Path):
    by_id = json.loads(teachtext_here("like", IDS[0], "--index", odd_index, "--json").stdout)["results"]
    by_path = json.loads(teachtext_here("like", odd_clips / ODD_NAMES[0], "--index", odd_index, "--json").stdout)
    assert by_id == by_path["results"] and {result["id"] for result in by_id} == {*IDS[1:]}
    first = teachtext_here("like", IDS[0], "--index", odd_index, "-k", "1").stdout
    assert len(first.splitlines()) == 3 and "3 videos" in first


def test_tags_are_added_and_removed(teachtext_here: Command, odd_clips: Path, index: Path):
    said = teachtext_here("tag", IDS[0], odd_clips / ODD_NAMES[1], "--add", "a b", "--remove", "toy", "--index", index)
    assert said.stdout == "tags changed of 2 of 2 videos\n"
    assert tags_of(index) == {IDS[0]: ["a b"], IDS[1]: ["a b"], IDS[2]: ["toy"]}
    again = teachtext_here("tag", *IDS, "--remove", "toy", "--index", index)
    assert again.stdout == "tags changed of 1 of 3 videos\n" and tags_of(index)[IDS[2]] == []
    listed = teachtext_here("list", "--where", "tag=a b", "--json", "--index", index)
    assert len(json.loads(listed.stdout)) == 2


def test_a_removed_video_takes_its_features_and_pictures_but_no_file(
    teachtext_here: Command, odd_clips: Path, index: Path
):
    content = content_hash(odd_clips / ODD_NAMES[1])
    pictures = [index / "thumbnails" / f"{name}-0.jpg" for name in (content, content_hash(odd_clips / ODD_NAMES[0]))]
    pictures[0].parent.mkdir(exist_ok=True)
    for picture in pictures:
        picture.write_bytes(b"\xff\xd8 a picture \xff\xd9")
    said = teachtext_here("remove", odd_clips / ODD_NAMES[1], "--yes", "--index", index)
    assert (
        said.returncode == 0 and "1 removed; 2 videos" in said.stdout and "files stay where they are (1)" in said.stdout
    )
    assert sorted(tags_of(index)) == sorted([IDS[0], IDS[2]]) and (odd_clips / ODD_NAMES[1]).is_file()
    shards = list((index / "features").rglob("*.safetensors"))
    assert shards and not any(content.encode() in shard.read_bytes() for shard in shards)
    assert [picture.exists() for picture in pictures] == [False, True]


def test_a_removal_asks_in_a_terminal(odd_index: Path, index: Path):
    for answer, code, count in ((b"n\n", 1, 3), (b"y\n", 0, 2)):
        controller, terminal = pty.openpty()
        running = subprocess.Popen(
            [COMMAND, "remove", IDS[0], "--index", index],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.write(controller, answer)
        _, asked = running.communicate()
        os.close(controller)
        os.close(terminal)
        assert running.returncode == code and b"Their files stay" in asked and len(tags_of(index)) == count


def test_nothing_is_removed_where_nobody_can_be_asked(index: Path):
    said = subprocess.run(
        [COMMAND, "remove", IDS[0], "--index", index], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert said.returncode == 2 and b"give --yes" in said.stderr and len(tags_of(index)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "nope.mp4"], "the index holds no video 'nope.mp4': give the id"),
        (["like", "nope\n.mp4"], "the index holds no video 'nope\\n.mp4'"),
        (["like", "a\udcff.mp4"], "the index holds no video"),
        (["remove", IDS[0], "nope.mp4", "--yes"], "the index holds no video 'nope.mp4'"),
        (["tag", IDS[0]], "no tag is given"),
        (["tag", IDS[0], "--add", " "], "a tag is empty"),
        (["tag", IDS[0], "--add", "x", "--remove", "x"], "'x' is to be added and removed"),
        (["list", "--where", "colour=red"], "filter 'colour=red' is not understood"),
        (["list", "--json", "-0"], "exclude each other"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence(teachtext_here: Command, odd_index: Path, arguments: list[str], message: str):
    said = teachtext_here(*arguments, "--index", odd_index)
    assert said.returncode == 2 and message in said.stderr and said.stderr.count("\n") == 1 and said.stdout == ""
    assert len(tags_of(odd_index)) == 3


@pytest.mark.parametrize("verb", [["list"], ["info"], ["like", "x"], ["tag", "x", "--add", "y"], ["remove", "x", "-y"]])
def test_a_folder_without_an_index_is_said_and_left_alone(teachtext_here: Command, tmp_path: Path, verb: list[str]):
    said = teachtext_here(*verb, "--index", tmp_path / "none")
    assert said.returncode == 2 and "holds no index" in said.stderr and not list(tmp_path.iterdir())
