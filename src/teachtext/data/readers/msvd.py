"""MSVD (YouTube2Text): the table of Microsoft's corpus, and `AllVideoDescriptions.txt`.

A clip is a part of a video on YouTube: `<id>_<start>_<end>`, in seconds.
"""

import re

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.tables import Table, TableRows, table_of
from teachtext.errors import InputError

_COLUMNS = ("VideoID", "Start", "End", "Language", "Description")
_CODES = {
    "arabic": "ar", "bosnian": "bs", "bulgarian": "bg", "catalan": "ca", "chinese": "zh", "croatian": "hr",
    "czech": "cs", "dutch": "nl", "english": "en", "estonian": "et", "filipino": "fil", "finnish": "fi",
    "french": "fr", "georgian": "ka", "german": "de", "greek": "el", "gujarati": "gu", "hindi": "hi",
    "hungarian": "hu", "indonesian": "id", "italian": "it", "macedonian": "mk", "malayalam": "ml", "marathi": "mr",
    "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru", "serbian": "sr", "slovak": "sk",
    "slovene": "sl", "spanish": "es", "swedish": "sv", "tamil": "ta", "telugu": "te", "turkish": "tr", "urdu": "ur",
}  # fmt: skip
_LINE = re.compile(r"(?P<clip>\S+_\d+_\d+)\s+(?P<text>\S.*)")


def recognises_table(source: SourceFile) -> bool:
    """Return whether the file is a table with the columns of MSVD."""
    return _table(source) is not None


def read_table(source: SourceFile) -> Annotations:
    """Read MSVD's table: captions in many languages, each of a clip of a video.

    Raises:
        InputError: a row without a clip or a caption.
    """
    table = _table(source)
    if table is None:
        raise InputError(f"{source.path} is not MSVD's table", f"a table has the columns {', '.join(_COLUMNS)}")
    captions, rows = CaptionList(source.path), TableRows(source, table)
    for where, cells in rows:
        parts = [cells.get(name, "") for name in _COLUMNS[:3]]
        language = cells.get("Language", "").lower()
        clip = "_".join(parts) if all(parts) else None
        captions.add(clip, cells.get("Description"), where=where, language=_CODES.get(language, language))
    return Annotations(captions=captions.finish(), remarks=rows.remarks)


def recognises_lines(source: SourceFile) -> bool:
    """Return whether the file has lines of a clip and its caption; lines that begin with `#` are comments."""
    lines = [line for line in source.first_lines if not line.startswith("#")]
    matches = [_LINE.fullmatch(line.strip()) for line in lines]
    sentences = sum(match is not None and " " in match["text"] for match in matches)
    return bool(lines) and all(matches) and sentences * 2 > len(lines)


def read_lines(source: SourceFile) -> Annotations:
    """Read lines of a clip and its caption.

    Raises:
        InputError: a line is something else.
    """
    captions = CaptionList(source.path)
    comments = []
    for number, line in source.lines():
        if line.startswith("#"):
            comments.append(number)
        elif line.strip():
            match = _LINE.fullmatch(line.strip())
            captions.add(match and match["clip"], match and match["text"], where=f"line {number}")
    remarks = [Remark(f"{source.path.name}: {len(comments)} lines are comments (line {some(comments)})")]
    return Annotations(captions=captions.finish(), remarks=[*source.encoding_remarks, *(remarks if comments else [])])


def _table(source: SourceFile) -> Table | None:
    table = table_of(source)
    return table if table is not None and table.has_header and set(_COLUMNS) <= set(table.header) else None


MSVD_TABLE = Format(
    name="msvd-table",
    title="MSVD, the table with VideoID, Start, End, Language and Description",
    shows="VideoID,Start,End,WorkerID,Source,AnnotationTime,Language,Description",
    recognises=recognises_table,
    read=read_table,
    write_example=text_example(
        "video_corpus.csv",
        "VideoID,Start,End,WorkerID,Source,AnnotationTime,Language,Description\r\n"
        "mv89psg6zh4,33,46,588702,unverified,55,English,A bird in a sink keeps getting wet.\r\n"
        "mv89psg6zh4,33,46,592,clean,36,German,Ein Vogel badet.\r\n"
        "R2DvpPTfl-E,5,10,592,clean,36,English,A man dances\r\n",
    ),
)
MSVD_LINES = Format(
    name="msvd-lines",
    title="MSVD, lines of a clip and a caption (AllVideoDescriptions.txt)",
    shows="mv89psg6zh4_33_46 a bird bathes in a sink",
    recognises=recognises_lines,
    read=read_lines,
    write_example=text_example(
        "AllVideoDescriptions.txt",
        "# descriptions\n\n-4wsuPCjDBc_5_15 a squirrel eats\n-4wsuPCjDBc_5_15 it eats\nxxHx6s_DbUo_121_128 a dog\n",
    ),
)
