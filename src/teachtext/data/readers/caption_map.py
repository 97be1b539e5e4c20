"""A JSON object of captions by video: a caption, a list of captions, or captions as lists of words."""

from typing import Any

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.columns import find_columns
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import split_of

_MOST_FIELDS = 30


def recognises(source: SourceFile) -> bool:
    """Return whether the file is an object of texts, lists of texts, or lists of words, by video."""
    content = source.document
    return isinstance(content, dict) and is_caption_map(content)


def is_caption_map(content: dict[Any, Any]) -> bool:
    """Return whether most values are captions; wrong ones among them are slips."""
    fitting = sum(_has_captions(value) for value in content.values())
    # single words are ids of another kind, or labels
    has_texts = any(not isinstance(value, str) or " " in value.strip() for value in content.values())
    return has_texts and fitting * 2 >= len(content) and not _names_splits(content)


def read(source: SourceFile) -> Annotations:
    """Read captions by video.

    Raises:
        InputError: a caption is not text.
    """
    return read_map(source, source.document)


def read_map(source: SourceFile, content: dict[str, Any]) -> Annotations:
    """Return the captions of an object or dict of captions by video.

    Raises:
        InputError: a caption is not text.
    """
    captions = CaptionList(source.path)
    for video_id, value in content.items():
        where = f"video '{video_id}'"
        texts = value if isinstance(value, list | tuple) else [value]
        for text in texts:
            captions.add(video_id, _joined(text), where=where)
    all_captions = captions.finish()
    remarks = [*source.encoding_remarks]
    short = [caption.id for caption in all_captions if caption.text and " " not in caption.text]
    if len(all_captions) > len(content) and len(short) == len(all_captions):
        remarks.append(
            Remark(
                f"{source.path.name}: every caption is a single word ({some(short)})",
                'write the words of one caption as a list in the list: {"video0": [["a", "dog"]]}',
            )
        )
    return Annotations(captions=all_captions, remarks=remarks)


def _has_captions(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(_joined(text), str) for text in value)
    return isinstance(value, str)


def _joined(text: Any) -> Any:
    """Return a caption; words are joined by spaces."""
    if isinstance(text, list | tuple) and text and all(isinstance(word, str) for word in text):
        return " ".join(text)
    return text


def _names_splits(content: dict[Any, Any]) -> bool:
    """Return whether the keys are those of splits, or of one record."""
    if all(split_of(str(key)) for key in content):
        return True
    columns = find_columns(list(content)) if len(content) <= _MOST_FIELDS else None
    return columns is not None and columns.text is not None


CAPTION_MAP = Format(
    name="caption-map",
    title="captions by video (.json)",
    shows='{"video0": ["a dog catches a frisbee", "a dog jumps"]}',
    recognises=recognises,
    read=read,
    write_example=text_example(
        "captions.json", '{"v0": ["a dog runs", "a dog, fast"], "v1": [["a", "cat", "sleeps"]], "v2": "rain falls"}'
    ),
    is_general=True,
)
