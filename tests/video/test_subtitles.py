"""Subtitles in files and in containers, as people have them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachtext.errors import InputError
from teachtext.video.subtitles import MOST_BYTES, Cue, decode, parse, read_subtitles

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i>, my
dear friends.

2
00:00:03,000 --> 00:00:04,000
{\\an8}Grüße aus Köln
"""
CUES = [Cue(1.0, 2.5, "Hello, my dear friends."), Cue(3.0, 4.0, "Grüße aus Köln")]


def text_of(cues: list[Cue]) -> list[str]:
    return [cue.text for cue in cues]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_encodings_and_line_breaks(tmp_path: Path, encoding: str, line_break: str):
    path = tmp_path / "film.srt"
    path.write_bytes(SRT.replace("\n", line_break).encode(encoding))
    read = read_subtitles(path)
    assert read.cues == CUES
    legacy = encoding in ("latin-1", "cp1252")
    assert [*read.notes] == [
        f"{path} is not UTF-8, and was read as Windows-1252; save it as UTF-8 if letters are wrong"
    ][:legacy]


def test_utf_16_of_a_script_without_zero_bytes_is_told_by_its_digits():
    text = "1\n00:00:01,000 --> 00:00:02,000\n" + "请问您贵姓大名是什么" * 50
    for encoding in ("utf-16-le", "utf-16-be"):
        assert decode(text.encode(encoding)) == (text, encoding)


def test_a_damaged_letter_leaves_the_others_as_they_are(tmp_path: Path):
    path = tmp_path / "film.srt"
    path.write_bytes(("1\n00:00:01,000 --> 00:00:02,000\n" + "é" * 50).encode() + b"\xc3")
    read = read_subtitles(path)
    assert read.cues[0].text.startswith("é" * 50) and "damaged" in read.notes[0]


def test_windows_1252_has_letters_that_latin_1_lacks():
    assert decode("“Ça va…” – 5 €".encode("cp1252")) == ("“Ça va…” – 5 €", "cp1252")
    assert decode(b"caf\xe9 \x81\x8d")[1] == "cp1252"


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        # no numbers, no empty lines, points, no hours, one digit
        ("00:00:01.000 --> 00:00:02.000\na\n0:3 --> 0:4,5\nb", [Cue(1, 2, "a"), Cue(3, 4.5, "b")]),
        (
            "1\n00:00:01,000 --> 00:00:02,000\na\n2\n00:00:03,000 --> 00:00:04,000\n42",
            [Cue(1, 2, "a"), Cue(3, 4, "42")],
        ),
        # a number alone is a text before an empty line
        ("1\n0:01 --> 0:02\n1984\n\n2\n0:03 --> 0:04\nb", [Cue(1, 2, "1984"), Cue(3, 4, "b")]),
        # an empty line inside a cue
        ("1\n0:01 --> 0:02\na\n\nb\n\n2\n0:03 --> 0:04\nc", [Cue(1, 2, "a b"), Cue(3, 4, "c")]),
        # out of order, overlapping, backwards
        (
            "0:09 --> 0:10\nb\n\n0:01 --> 0:20\na\n\n0:30 --> 0:29\nc",
            [Cue(1, 20, "a"), Cue(9, 10, "b"), Cue(30, 30, "c")],
        ),
        # hours over 99, many digits of a second, spaces in times
        ("123:00:01,5 --> 123:00:02,123456\na", [Cue(442801.5, 442802.123456, "a")]),
        ("00 : 00 : 01 , 000 -> 00 : 00 : 02 , 000 X1:10\na", [Cue(1, 2, "a")]),
        # nothing in it
        ("1\n0:01 --> 0:02\n\n\n2\n0:03 --> 0:04\n<i> </i>\n", []),
        ("", []),
    ],
)
def test_subrip_as_people_have_it(text: str, cues: list[Cue]):
    assert parse(text) == (cues, 0)


def test_webvtt():
    text = """WEBVTT - some title
Kind: captions
Language: en

NOTE
00:07.000 is no cue

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 position:10%,line-left align:left
<v Anna>Hello <c.loud>there</c> &amp; <00:01.500>you</v>

1:00:00.000 --> 1:00:01.000
1 < 2 &lt;b&gt;

not a cue
"""
    assert parse(text) == ([Cue(1, 2, "Hello there & you"), Cue(3600, 3601, "1 < 2 <b>")], 0)


def test_captions_that_roll_up_are_read_once():
    text = """WEBVTT

00:01.000 --> 00:03.000
we go<00:02.000><c> home</c>

00:03.000 --> 00:03.010
we go home

00:03.010 --> 00:05.000
we go home
and<00:04.000><c> sleep</c>

00:09.000 --> 00:10.000
and sleep
"""
    assert text_of(parse(text)[0]) == ["we go home", "and sleep", "and sleep"]
    assert text_of(parse("0:01 --> 0:02\nNo\n\n0:02 --> 0:03\nNo way")[0]) == ["No", "No way"], "words are not lines"


def test_substation_alpha():
    text = """[Script Info]
Title: x
[Events]
Format: Start, End, Style, Text
Dialogue: 0:00:01.50,0:00:02.00,Default,{\\i1}Hello{\\i0}, you\\Nthere
Dialogue: 0:00:03.00,0:00:04.00,Default,{\\p1}m 0 0 l 100 0
Dialogue: soon,0:00:04.00,Default,lost
Comment: 0:00:05.00,0:00:06.00,Default,no
"""
    assert parse(text) == ([Cue(1.5, 2.0, "Hello, you there")], 1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "holds no subtitles"),
        (b"\0\1\2\3" * 999, "holds no subtitles"),
        (b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 9, "holds no subtitles"),
        (b"a letter to my aunt", "holds no subtitles"),
        (b"WEBVTT\n\n", "holds no subtitles"),
        (b" " * (MOST_BYTES + 1), "16 MiB"),
    ],
)
def test_what_is_no_file_of_subtitles_is_named(tmp_path: Path, data: bytes, reason: str):
    path = tmp_path / "film.srt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=reason) as caught:
        read_subtitles(path)
    assert str(path) in str(caught.value)


def test_cues_whose_times_cannot_be_read_are_counted(tmp_path: Path):
    path = tmp_path / "film.srt"
    path.write_text("1\n00:00:xx,000 --> 00:00:02,000\nlost\n\n2\n00:00:03,000 --> 00:00:04,000\nb\n")
    read = read_subtitles(path)
    assert text_of([*read.cues]) == ["b"] and [*read.notes] == [f"{path}: the times of 1 cues cannot be read"]


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_text_and_any_text_has_cues_in_order(data: bytes):
    cues, _ = parse(decode(data)[0])
    assert cues == sorted(cues, key=lambda cue: cue.start_s)


@given(
    st.lists(
        st.sampled_from(["1", "00:00:01,000 --> 00:00:02,000", "--> x", "a", "", "WEBVTT", "{\\p1}", "Dialogue: 1"])
    )
)
def test_lines_in_any_order_are_read(lines: list[str]):
    cues, unread = parse("\n".join(lines))
    assert all(cue.text and cue.end_s >= cue.start_s for cue in cues) and unread >= 0
