"""LSMDC: lines of a clip, four times and a sentence, separated by tabs, without quotation marks that mean anything."""

import re

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile

_TIME = r"\d{2}\.\d{2}\.\d{2}\.\d{3}"
# the clip, the times of the sentence and of the clip (each may be missing), and the sentence
_LINE = re.compile(rf"(?P<clip>\S.*_{_TIME}-{_TIME})(?P<times>(?:\t(?:{_TIME})?)*)(?:\t(?P<text>.*))?")


def recognises(source: SourceFile) -> bool:
    """Return whether every line begins with a clip such as `1001_Flight_00.00.21.000-00.00.23.333`, and one goes on."""
    matches = [_LINE.fullmatch(line.rstrip()) for line in source.first_lines]
    return bool(matches) and all(matches) and any(match["text"] for match in matches if match)


def read(source: SourceFile) -> Annotations:
    """Read a sentence a line.

    Raises:
        InputError: a line is something else.
    """
    captions = CaptionList(source.path)
    mute = []
    for number, line in source.lines():
        match = _LINE.fullmatch(line.rstrip())
        if match and match["text"]:
            captions.add(match["clip"], match["text"], where=f"line {number}")
        elif match:
            mute.append(f"line {number}")
        elif line.strip():
            captions.add(None, None, where=f"line {number}")
    remarks = [*source.encoding_remarks, Remark(f"{source.path.name}: the columns of times are not read")]
    if mute:
        remarks.append(
            Remark(
                f"{source.path.name}: {len(mute):,} clips have no sentence and were left out ({some(mute)})",
                "write their sentences; those of the blind test are not published",
            )
        )
    return Annotations(captions=captions.finish(), remarks=remarks)


_TIMES = "00.00.21.000\t00.00.23.333\t00.00.20.920\t00.00.23.405"

LSMDC = Format(
    name="lsmdc",
    title="LSMDC (LSMDC16_annos_training.csv, LSMDC16_challenge_1000_publictect.csv)",
    shows=f"1001_Flight_00.00.21.000-00.00.23.333\t{_TIMES}\tSOMEONE opens the door.",
    recognises=recognises,
    read=read,
    write_example=text_example(
        "LSMDC16_annos_training.csv",
        f'1001_Flight_00.00.21.000-00.00.23.333\t{_TIMES}\tA "plane", flies.\n'
        f"0003_CASABLANCA_00.03.13.066-00.03.16.000\t{_TIMES}\tSOMEONE opens the door.\n",
    ),
)
