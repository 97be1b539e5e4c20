"""TeachCLIP and other lists with a caption a line, behind an id such as `video0#enc#0`."""

import re

from teachtext.data.readers.annotations import Annotations, CaptionList
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile

_LINE = re.compile(r"(?P<id>(?P<video>[^\s#][^\s#]*)(?:#\w+)?#\d+)(?:\s+(?P<text>.*))?")


def recognises(source: SourceFile) -> bool:
    """Return whether every line begins with the id of a caption: a video, `#enc#` or `#`, and a number."""
    return source.begins_with_lines_of(_LINE)


def read(source: SourceFile) -> Annotations:
    """Read a caption a line; a caption keeps its id.

    Raises:
        InputError: a line is something else.
    """
    captions = CaptionList(source.path)
    for number, line in source.lines():
        match = _LINE.fullmatch(line.strip())
        if match:
            captions.add(match["video"], match["text"] or "", where=f"line {number}", caption_id=match["id"])
        elif line.strip():
            captions.add(None, None, where=f"line {number}")
    return Annotations(captions=captions.finish(), remarks=source.encoding_remarks)


TEACHCLIP = Format(
    name="teachclip",
    title="TeachCLIP, lines of a caption id and a caption (*.caption.txt)",
    shows="video0#enc#0 a dog catches a frisbee",
    recognises=recognises,
    read=read,
    write_example=text_example(
        "msrvtt10ktrain.caption.txt",
        "video0#enc#0 a dog runs\nvideo0#enc#1 a dog, fast\nvideo1#enc#0 a cat sleeps\n",
    ),
)
