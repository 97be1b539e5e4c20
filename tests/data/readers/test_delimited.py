"""Delimited text: headers, separators and encodings in use, and slips that must not swallow anything."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from teachtext.data.readers.delimited_rows import Slips, read_rows, split_cells
from teachtext.data.readers.registry import read_file
from teachtext.errors import InputError


def read(tmp_path, text, *, name="c.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    _, annotations = read_file(path)
    return annotations


def pairs(annotations):
    return [(caption.video_id, caption.text) for caption in annotations.captions]


def losses(annotations):
    return [remark.what for remark in annotations.remarks if remark.is_loss]


TWO = [("video0", "a man walks"), ("video1", "a dog, fast")]


@pytest.mark.parametrize(
    "text",
    [
        'video,text\nvideo0,a man walks\nvideo1,"a dog, fast"\n',
        'video_id,caption\nvideo0,a man walks\nvideo1,"a dog, fast"',
        'VideoID,Sentence\r\nvideo0,a man walks\r\nvideo1,"a dog, fast"\r\n',
        "vid;Description\nvideo0;a man walks\nvideo1;a dog, fast\n",
        "Video ID\tQuery\nvideo0\ta man walks\nvideo1\ta dog, fast\n",
        "file_name|text\nvideo0|a man walks\nvideo1|a dog, fast\n",
        'video, text\nvideo0, a man walks\nvideo1, "a dog, fast"\n',
        '"clip","captions"\n"video0","a man walks"\n"video1","a dog, fast"\n',
        'key,vid_key,video_id,sentence\nret0,msr0,video0,a man walks\nret1,msr1,video1,"a dog, fast"\n',
        'videoid,duration,name\nvideo0,PT9S,a man walks\nvideo1,PT9S,"a dog, fast"\n',
        "\n\nyoutube_id\tcaption\n\nvideo0\ta man walks\n\nvideo1\ta dog, fast\n",
        "caption\tvideo\na man walks\tvideo0\na dog, fast\tvideo1\n",
        'video,text\rvideo0,a man walks\rvideo1,"a dog, fast"\r',
        ',video_id,caption\n0,video0,a man walks\n1,video1,"a dog, fast"\n',
        "sep=;\nvideo;text\nvideo0;a man walks\nvideo1;a dog, fast\n",
        '# made by hand\n# in May\nvideo,text\nvideo0,a man walks\nvideo1,"a dog, fast"\n',
        "video0 a man walks\nvideo1 a dog, fast\n",
        '[["video0", "a man walks"], ["video1", "a dog, fast"]]',
    ],
)
def test_headers_and_separators_in_use_are_read(tmp_path, text):
    annotations = read(tmp_path, text)
    assert pairs(annotations) == TWO
    assert losses(annotations) == [] and not annotations.splits


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_marks_of_the_encoding_and_utf_16_are_understood(tmp_path, encoding):
    annotations = read(tmp_path, "video;text\nvideo0;ein Hund läuft\nvideo1;一个人\n", encoding=encoding)
    assert pairs(annotations) == [("video0", "ein Hund läuft"), ("video1", "一个人")]
    assert losses(annotations) == []


def test_latin_1_is_read_and_said(tmp_path):
    annotations = read(tmp_path, "video,text\nvideo0,un café noir\n", encoding="latin-1")
    assert pairs(annotations) == [("video0", "un café noir")]
    assert losses(annotations) == ["c.csv is not UTF-8; it was read as Windows-1252"]


def test_a_file_without_a_header_is_read_and_its_first_line_named(tmp_path):
    annotations = read(tmp_path, "video0.mp4\ta man walks\nvideo1.mp4\ta dog, fast\n")
    assert pairs(annotations) == [("video0.mp4", "a man walks"), ("video1.mp4", "a dog, fast")]
    assert losses(annotations) == ["c.csv has no header: 'video0.mp4\ta man walks' was read as its first caption"]


def test_unquoted_commas_are_put_together_and_their_lines_named(tmp_path):
    text = (
        'video,text\nvideo0,a man, who  walks ,slowly\nvideo1,a dog\nvideo2,"a cat", asleep, alone\nvideo3,a tree,,\n'
    )
    annotations = read(tmp_path, text)
    assert pairs(annotations) == [
        ("video0", "a man, who  walks ,slowly"),
        ("video1", "a dog"),
        ("video2", "a cat, asleep, alone"),
        ("video3", "a tree"),
    ]
    assert losses(annotations) == [
        "c.csv: 2 rows have more cells than the header; captions were put together (line 2, line 4)"
    ]


def test_unquoted_commas_before_the_last_column_are_refused_with_their_lines(tmp_path):
    with pytest.raises(InputError, match=r"c\.csv has 3 columns, but more cells in line 2 \(5 cells\), line 4 \(4"):
        read(tmp_path, "video,text,language\nv0,a man, who walks, slowly,en\nv1,a dog,en\nv2,a cat, asleep,en\n")


def test_an_open_quotation_mark_swallows_no_line(tmp_path):
    text = 'video,text\nvideo0,"a man walks\nvideo1,a dog, fast\nvideo2,"a cat\nvideo3,a tree\n'
    annotations = read(tmp_path, text)
    assert pairs(annotations) == [
        ("video0", '"a man walks'),
        ("video1", "a dog, fast"),
        ("video2", '"a cat'),
        ("video3", "a tree"),
    ]
    assert "c.csv: 2 rows have a quotation mark that is never closed, read as text (line 2, line 4)" in losses(
        annotations
    )


def test_captions_over_several_lines_are_read_and_named(tmp_path):
    annotations = read(tmp_path, 'video,text\nvideo0,"a man,\nslowly, and\nalone"\nvideo1,a dog\n')
    assert pairs(annotations) == [("video0", "a man,\nslowly, and\nalone"), ("video1", "a dog")]
    assert losses(annotations) == ["c.csv: 1 rows have captions over several lines (lines 2 to 4)"]


def test_single_marks_in_a_quoted_cell_are_text(tmp_path):
    annotations = read(tmp_path, 'video\ttext\nvideo0\t"stop" says a man\nvideo1\ta 12" disc\n')
    assert pairs(annotations) == [("video0", '"stop" says a man'), ("video1", 'a 12" disc')]
    assert losses(annotations) == ["c.csv: 1 rows have single quotation marks in a quoted cell, read as text (line 2)"]


def test_all_rows_without_a_video_or_a_caption_are_named(tmp_path):
    with pytest.raises(InputError, match=r"c\.csv, line 3, line 4, line 6 and 1 more: a caption needs"):
        read(tmp_path, "video,text\nv0,a dog\nv1\n,a cat\nv2,\nv3\nv4\n")
    with pytest.raises(InputError, match=r"line 3: caption id 'x' is used twice"):
        read(tmp_path, "id,video,text\nx,v0,a dog\nx,v1,a cat\n")


def test_a_header_that_stands_again_is_left_out_and_named(tmp_path):
    annotations = read(tmp_path, "video,text\nv0,a dog\nvideo,text\nv1,a cat\n")
    assert pairs(annotations) == [("v0", "a dog"), ("v1", "a cat")]
    assert losses(annotations) == ["c.csv: 1 rows have the header again, and were left out (line 3)"]


def test_ids_languages_and_splits_are_read(tmp_path):
    annotations = read(tmp_path, "id,video,text,language,split\nq,v0,ein Hund,de,training\n,v1,a cat,,Validation\n")
    assert [(caption.id, caption.language) for caption in annotations.captions] == [("q", "de"), ("v1#0", "en")]
    assert annotations.splits == {"main": {"train": ["v0"], "val": ["v1"]}}


def test_every_column_of_captions_is_read(tmp_path):
    annotations = read(tmp_path, 'file_name,caption_1,caption_2\nv0,a dog,"it, runs"\nv1,a cat,\nv2,,a tree\n')
    assert pairs(annotations) == [("v0", "a dog"), ("v0", "it, runs"), ("v1", "a cat"), ("v2", "a tree")]
    annotations = read(tmp_path, "video,caption,caption_2,title,start\nv0,a dog,a hound,x y,3\n")
    assert pairs(annotations) == [("v0", "a dog"), ("v0", "a hound")]
    assert annotations.remarks[0].what.endswith("not read: title, start")
    with pytest.raises(InputError, match=r"has 3 columns, but more cells in line 2"):
        read(tmp_path, "file_name,caption_1,caption_2\nv0,a dog, fast,it runs\n")


def test_a_cell_with_a_list_holds_several_captions(tmp_path):
    cells = ["""['a dog', "it's fast"]""", '["a cat"]', "[music] plays", "[1, 2]", "[]", "[" * 5_000 + "]" * 5_000]
    file = io.StringIO()
    csv.writer(file).writerows([["video", "caption"], *([f"v{i}", cell] for i, cell in enumerate(cells))])
    annotations = read(tmp_path, file.getvalue())
    assert pairs(annotations)[:3] == [("v0", "a dog"), ("v0", "it's fast"), ("v1", "a cat")]
    assert pairs(annotations)[3:] == [(f"v{i}", cells[i]) for i in range(2, 6)]
    assert "c.csv: 2 cells hold lists of captions (line 2, line 3)" in [r.what for r in annotations.remarks]


def test_rows_of_separators_alone_are_no_rows(tmp_path):
    annotations = read(tmp_path, "video,caption,note\nv0,a dog,x\n,,\nv1,a cat,\n,,\n")
    assert pairs(annotations) == [("v0", "a dog"), ("v1", "a cat")] and not losses(annotations)
    assert "c.csv: 2 rows have separators alone (line 3, line 5)" in [r.what for r in annotations.remarks]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("movie,words\na,b\n", "lacks a column for the video or for the caption.*'movie,words'"),
        ("", "it is empty"),
        ("\x00\x01", "it is not text"),
        ("the cat sat on the mat\n", "'the cat sat on the mat'"),
    ],
)
def test_what_is_not_understood_says_what_was_seen_and_shows_a_right_line(tmp_path, text, seen):
    with pytest.raises(InputError, match=rf"(?s)c\.csv.*{seen}.*video"):
        read(tmp_path, text)


# what csv writes in the dialect of Excel, without the separators of lines that only some readers know
_CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('",\n;'), max_size=12)


# each line of a caption begins with words, so that none of them looks like a row
_CAPTIONS = _CELLS.map(lambda text: text.replace("\n", "\nx "))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), _CAPTIONS), min_size=1, max_size=8))
@example([(0, "\n0,"), (1, "\n12,3\n4,")])
def test_what_a_csv_writer_writes_is_read_as_it_was(tmp_path_factory, rows):
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["video_id", "caption"])
    writer.writerows([(f"v{number}", f"x {text}") for number, text in rows])
    path = tmp_path_factory.mktemp("csv") / "c.csv"
    path.write_text(file.getvalue(), encoding="utf-8", newline="")
    _, annotations = read_file(path)
    assert [(c.video_id, c.text) for c in annotations.captions] == [(f"v{n}", f"x {text}".strip()) for n, text in rows]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from('ab,"\r0'), max_size=10), max_size=12))
def test_every_line_stands_in_exactly_one_row(lines):
    numbered = [(number, f"{line}\n") for number, line in enumerate(lines, start=1)]
    rows = list(read_rows(numbered, ",", is_row=lambda cells, first: len(cells) == 2, slips=Slips()))
    covered = [number for row in rows for number in range(row.first, row.last + 1)]
    assert covered == [number for number, line in numbered if line.strip() or number in covered]
    assert all(
        row.text == "".join(line for number, line in numbered if row.first <= number <= row.last) for row in rows
    )
    assert all(isinstance(split_cells(line, ","), list) for _, line in numbered)
