"""Questions: captions that are searched among a few videos instead of a whole gallery.

Questions show which differences a model notices: their author chooses videos that differ in one thing alone. Any
dataset folder may have a `questions.json`:

```
{"<caption id>": {"kind": "speech", "among": ["<video id>", "<video id>", ...]}, ...}
```

The caption is an entry of the captions file. `kind` is any word, and questions are counted by `kind`. `among` names
two or more videos, the caption's video among them. Models must not be trained or selected on any of the videos: list
the videos in a separate split.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from teachtext.data.protocol import Caption, Protocol, cut
from teachtext.data.types import Question
from teachtext.errors import InputError
from teachtext.files import read_json

QUESTIONS = "questions.json"


def read_questions(
    folder: Path, captions: Sequence[Caption], video_ids: Collection[str], *, max_words: int | None = None
) -> list[Question]:
    """Read the questions of a dataset folder; an empty list where the folder has no `questions.json`.

    Args:
        folder: the dataset folder.
        captions: all captions of the folder.
        video_ids: all video ids that the folder names.
        max_words: the most words of a caption; None keeps all words.

    Raises:
        InputError: the file is not in its format, or names a caption or video that the folder does not have.
    """
    path = folder / QUESTIONS
    if not path.exists():
        return []
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(
            f"{path} is not an object", 'write {"caption id": {"kind": "...", "among": ["video id", ...]}}'
        )
    by_id = {caption.id: caption for caption in captions}
    questions = []
    for caption_id, entry in content.items():
        if caption_id not in by_id:
            raise InputError(f"{path}: there is no caption '{caption_id}'", "correct its id, or remove the question")
        caption = cut(by_id[caption_id], max_words)
        problem = _flaw(entry, caption, video_ids)
        if problem:
            raise InputError(f"{path}: the question '{caption_id}' {problem}", "correct or remove it")
        questions.append(Question(caption, entry["kind"], tuple(entry["among"])))
    return questions


def check_unlearned(questions: Sequence[Question], splits: Mapping[str, Sequence[str]], protocol: Protocol) -> None:
    """Check that no question is about a video that models are trained or selected on.

    A test split that stands in for the training split trains nothing.

    Raises:
        InputError: a question names a video of the train or the select split.
    """
    learning = [split for split in (protocol.train, protocol.select) if split and split != protocol.test]
    learned = {video: split for split in learning for video in splits.get(split, ())}
    for question in questions:
        for video_id in question.among:
            if video_id in learned:
                raise InputError(
                    f"{QUESTIONS} asks '{question.caption.id}' about video '{video_id}' of split '{learned[video_id]}'",
                    "ask about videos that no model learns from; list them apart in splits.json",
                )


def _flaw(entry: Any, caption: Caption, video_ids: Collection[str]) -> str:
    if not isinstance(entry, dict) or entry.keys() != {"kind", "among"}:
        return "needs 'kind' and 'among', and nothing else"
    kind, among = entry["kind"], entry["among"]
    if not isinstance(kind, str) or not kind.strip():
        return "needs a word for its 'kind'"
    if not isinstance(among, list) or not all(isinstance(video_id, str) for video_id in among):
        return "needs a list of video ids for 'among'"
    if len(set(among)) < len(among) or len(among) < 2:
        return "needs two or more different videos in 'among'"
    if caption.video_id not in among:
        return f"is not asked among its own video '{caption.video_id}'"
    unknown = [video_id for video_id in among if video_id not in video_ids]
    return f"names video '{unknown[0]}', which is not there" if unknown else ""
