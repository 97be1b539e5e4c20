"""VATEX: a list of objects with `videoID`, English captions in `enCap`, and Chinese captions in `chCap`."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.records import records_of
from teachtext.data.readers.source import SourceFile

_LANGUAGES = {"enCap": "en", "chCap": "zh"}


def recognises(source: SourceFile) -> bool:
    """Return whether the first object has a `videoID`, and captions in `enCap` or `chCap`."""
    _, first = next(records_of(source) or iter(()), ("", {}))
    return "videoID" in first and any(isinstance(first.get(field), list) for field in _LANGUAGES)


def read(source: SourceFile) -> Annotations:
    """Read the captions of VATEX, each with its language, `en` or `zh`.

    Raises:
        InputError: an entry lacks its video, or a caption is not text.
    """
    captions = CaptionList(source.path)
    counts: Counter[str] = Counter()
    mute = []
    for where, entry in records_of(source) or ():
        texts = [(text, language) for field, language in _LANGUAGES.items() for text in _texts(entry, field)]
        if not texts:
            mute.append(str(entry.get("videoID", where)))
        for text, language in texts:
            captions.add(entry.get("videoID"), text, where=where, language=language)
            counts[language] += 1
    name = source.path.name
    languages = ", ".join(f"{language} {count:,}" for language, count in counts.items())
    remarks = [*source.encoding_remarks, Remark(f"{name}: captions by language: {languages}")]
    if mute:
        remarks.append(Remark(f"{name}: {len(mute):,} videos have no caption ({some(mute)})", "look for a whole copy"))
    return Annotations(captions=captions.finish(), remarks=remarks)


def _texts(entry: Mapping[str, Any], field: str) -> list[Any]:
    value = entry.get(field)
    return value if isinstance(value, list) else [] if value is None else [value]


_EXAMPLE = [
    {
        "videoID": "Ptf_2VRj-V0_000122_000132",
        "enCap": ["A person climbs a rope.", "Somebody climbs."],
        "chCap": ["一个人在爬绳子。"],
    },
    {"videoID": "4JVLRCdpZLo_000005_000015", "enCap": ["A boy kicks a ball."], "chCap": []},
]

VATEX = Format(
    name="vatex",
    title="VATEX (vatex_training_v1.0.json)",
    shows='[{"videoID": "Ptf_2VRj-V0_000122_000132", "enCap": ["A person climbs."], "chCap": ["一个人在爬。"]}]',
    recognises=recognises,
    read=read,
    write_example=text_example("vatex_training_v1.0.json", json.dumps(_EXAMPLE, ensure_ascii=False)),
)
