"""Lines of a video id and a caption, with a space between them."""

import re

from teachtext.data.readers.annotations import Annotations, CaptionList
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.tables import table_of

# an id is a word with a digit, without the signs of other formats; `1.` and `2)` are numbers of items
_SIGN = r"""[^\s"'{}\[\]<>,;=]"""
_LINE = re.compile(rf"(?!\d+[.):]?\s)(?P<video>{_SIGN}*\d{_SIGN}*)\s+(?P<text>\S+\s.*)")


def recognises(source: SourceFile) -> bool:
    """Return whether every line has an id with a digit in it, and behind it several words."""
    lines = source.first_lines
    return bool(lines) and all(_LINE.fullmatch(line.strip()) for line in lines) and table_of(source) is None


def read(source: SourceFile) -> Annotations:
    """Read a video and a caption a line.

    Raises:
        InputError: a line is a single word.
    """
    captions = CaptionList(source.path)
    for number, line in source.lines():
        words = line.split(maxsplit=1)
        if words:
            captions.add(words[0], words[1] if len(words) > 1 else None, where=f"line {number}")
    return Annotations(captions=captions.finish(), remarks=source.encoding_remarks)


PLAIN_LINES = Format(
    name="plain-lines",
    title="lines of a video id and a caption (.txt)",
    shows="video0 a dog catches a frisbee",
    recognises=recognises,
    read=read,
    write_example=text_example("captions.txt", "video0 a dog runs\nvideo0 it runs, fast\nvideo1.mp4 a cat sleeps\n"),
    is_general=True,
)
