"""Writes annotations as the files of a dataset folder, which `teachtext.data.folder` reads."""

import json
from pathlib import Path

from teachtext.data.protocol import Caption
from teachtext.data.readers.annotations import Annotations, chosen_file_of, splits_file_of
from teachtext.files import write_json, write_text


def write_annotations(annotations: Annotations, folder: Path) -> None:
    """Write `captions.jsonl`, `splits.json`, `splits-<name>.json` and `chosen-<name>.json` into a folder."""
    write_text(folder / "captions.jsonl", "".join(f"{_line(caption)}\n" for caption in annotations.captions))
    for name, splits in annotations.splits.items():
        write_json(folder / splits_file_of(name), splits)
    for name, chosen in annotations.chosen.items():
        write_json(folder / chosen_file_of(name), chosen)


def _line(caption: Caption) -> str:
    entry = {"id": caption.id, "video": caption.video_id, "text": caption.text}
    language = {} if caption.language == "en" else {"language": caption.language}
    return json.dumps(entry | language, ensure_ascii=False)
