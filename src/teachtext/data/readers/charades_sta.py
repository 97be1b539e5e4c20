"""Charades-STA: lines of a video, two times and a sentence: `AO8RW 0.0 6.9##a person is putting a book on a shelf.`"""

import re

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile

_LINE = re.compile(r"(?P<video>\S+)\s+\d+(?:\.\d+)?\s+\d+(?:\.\d+)?\s*##\s*(?P<text>.*)")


def recognises(source: SourceFile) -> bool:
    """Return whether every line has a video, two times, `##` and a sentence."""
    return source.begins_with_lines_of(_LINE)


def read(source: SourceFile) -> Annotations:
    """Read a sentence a line. Its times are not read.

    Raises:
        InputError: a line is something else.
    """
    captions = CaptionList(source.path)
    for number, line in source.lines():
        if line.strip():
            match = _LINE.fullmatch(line.strip())
            captions.add(match and match["video"], match and match["text"], where=f"line {number}")
    all_captions = captions.finish()
    remark = Remark(f"{source.path.name}: the times of {len(all_captions):,} sentences are not read")
    return Annotations(captions=all_captions, remarks=[*source.encoding_remarks, remark])


CHARADES_STA = Format(
    name="charades-sta",
    title="Charades-STA (charades_sta_train.txt)",
    shows="AO8RW 0.0 6.9##a person is putting a book on a shelf.",
    recognises=recognises,
    read=read,
    write_example=text_example(
        "charades_sta_train.txt",
        "AO8RW 0.0 6.9##a person puts a book on a shelf.\nAO8RW 1.5 9##a person sits, reads\n3MS 2 3##rain\n",
    ),
)
